/* train/schedule.h: the learning rate of a step. */
#ifndef SOCLE_TRAIN_SCHEDULE_H
#define SOCLE_TRAIN_SCHEDULE_H
#include "train/train.h"

/* Of step 1 to `steps`. All warm up linearly, to lr at step warmup_steps. Then
 *   cosine    falls along half a cosine, to final_lr at the last step (Loshchilov and Hutter 2017, arXiv:1608.03983)
 *   wsd       stays, and falls linearly over the last decay_steps, to final_lr at the last one (Hu et al. 2024, arXiv:2404.06395)
 *   constant  stays. */
double schedule_lr(const train_config *c, long steps, long step);

#endif
