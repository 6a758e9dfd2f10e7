/* serve/job.h: one request's answers: its choices go to the engine together, come back token by token from the engine's thread,
 * and are read by the request's own thread, whole or as a stream. Inner to this room. */
#ifndef SOCLE_SERVE_JOB_H
#define SOCLE_SERVE_JOB_H
#include "api/reply.h"
#include "infer/engine.h"
#include "serve/catalog.h"

typedef struct job job;

typedef struct job_request {
    engine *engine;
    const served_model *model;
    const api_request *asked; /* borrowed: lives as long as the job */
    const sampling *defaults;
    bool (*abandoned)(void *context); /* whether the client has gone; asked now and then while waiting */
    void *context;
} job_request;

/* Encodes and submits. NULL: e says what to answer. The job must be ended by job_end. */
job *job_start(const job_request *q, api_error *e);
/* Waits for all choices; appends the reply. false: e says what to answer (status 499: the client has gone). */
bool job_reply(job *j, string *out, api_error *e);
/* Waits for news and appends them as server-sent events; the last are followed by "data: [DONE]". false: nothing more comes. */
bool job_stream(job *j, string *out);
/* Tokens of prompts and of answers so far. */
api_usage job_usage(job *j);
/* Cancels what is under way, waits until the engine has let go, and gives the memory back. */
void job_end(job *j);

#endif
