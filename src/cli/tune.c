/* socle tune: supervised tuning, whole or by an adapter. */
#include "cli/train.h"

int command_tune(int argc, char **argv) {
    return run_training("tune", TRAIN_CONVERSATIONS,
                        "  socle tune english.yaml\n"
                        "  socle tune english.yaml --set method.r=8 --set out=runs/english-8\n"
                        "  socle tune english.yaml --dry-run\n",
                        argc, argv);
}
