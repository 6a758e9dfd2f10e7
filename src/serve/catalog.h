/* serve/catalog.h: the models that a server offers: a base, and adapters over it, each in a slot of the base's bank. */
#ifndef SOCLE_SERVE_CATALOG_H
#define SOCLE_SERVE_CATALOG_H
#include "data/chat_form.h"
#include "model/adapter.h"

typedef struct served_model {
    const char *name;
    int slot; /* -1: the base */
    const tokenizer *tokenizer;
    bool converses;
    chat_form form;
    error why_not; /* where it does not converse */
} served_model;

typedef struct catalog {
    model *base;
    served_model *models; /* the base first, then adapters by name */
    size_t n;
} catalog;

/* Loads MODEL, named by its folder, and each adapter in a folder of `adapters` (NULL: none). An adapter that cannot be applied
 * whole, or whose name is the base's, is logged and left out. Everything lives in `owner`. */
bool catalog_load(arena *owner, const char *model_argument, const char *adapters, catalog *out, error *err);
const served_model *catalog_find(const catalog *c, const char *name); /* NULL: none of that name */

#endif
