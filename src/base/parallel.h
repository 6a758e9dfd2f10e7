/* base/parallel.h: the only way to more than one core. Work is split by its shape, never by the number of threads, so that
 * results cannot depend on it. One thread at a time computes: a call from inside a call, or from a second thread while the
 * pool is busy, runs on the caller alone. */
#ifndef SOCLE_BASE_PARALLEL_H
#define SOCLE_BASE_PARALLEL_H

/* Threads from now on, 1 to 512; 0: one for each core this process may use. The pool starts when first needed. */
void parallel_set_threads(int n);
int parallel_threads(void);

/* Calls work(context, i) once for each i in [0, n), in no order, on all threads; returns when all are done. */
void parallel_for(long n, void (*work)(void *context, long i), void *context);

/* Gives the threads back (tests, libraries that are unloaded). */
void parallel_stop(void);

#endif
