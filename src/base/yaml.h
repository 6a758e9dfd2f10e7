/* base/yaml.h: YAML 1.1 (libyaml) into the tree of base/json.h, each node with its line. Plain scalars resolve as YAML 1.2's
 * core schema does (null, true/false, integers, floats; the rest is text: `no` stays "no"). Anchors and aliases work within
 * a limit of nodes; several documents, tags of one's own and duplicate keys are errors. */
#ifndef SOCLE_BASE_YAML_H
#define SOCLE_BASE_YAML_H
#include "base/json.h"

json *yaml_parse(arena *owner, const char *text, size_t n, error *err); /* err: "line N: ..." */
json *yaml_read_file(arena *owner, const char *path, error *err);       /* err names the file */
/* Appends the tree as YAML that yaml_parse reads back equal (block style at the top, flow style below `block_depth`). */
void yaml_write(string *out, const json *v, int block_depth);

#endif
