/* The lines of a question of a request. Not a door for other modules than question.c. */
#ifndef CONFIRM_QUESTION_SHOWN_H
#define CONFIRM_QUESTION_SHOWN_H

#include "confirm/question.h"

/* Adds them; starter, of the job that the caller is a part of, is needed where something would be
 * remembered for it. -ENOMEM. */
int question_show(struct question *question, const struct request *request,
                  const struct process *starter) MUST_CHECK;

#endif
