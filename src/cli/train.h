/* cli/train.h: what `socle train` and `socle tune` share. */
#ifndef SOCLE_CLI_TRAIN_H
#define SOCLE_CLI_TRAIN_H
#include "cli/cli.h"
#include "train/train.h"

int run_training(const char *name, train_kind kind, const char *examples, int argc, char **argv);

#endif
