/*
 * A yes from within the monitor: a process of its own asks for the PIN and answers, as `confirm`
 * does. The guard looks at whoever wants to answer, which must then close itself to tracing for
 * good, so a process can do that once; and the PIN is never in the memory of the one that draws.
 */
#ifndef CMD_MONITOR_ANSWER_H
#define CMD_MONITOR_ANSWER_H

#include <ev.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "cmd/options.h"
#include "monitor/model.h"

struct answer_calls {
	/* It has the keyboard, or gives it back. */
	void (*changed)(void *data);
	void (*ended)(void *data);
	void *data;
};

struct answer {
	struct ev_loop *loop;
	struct model *model; /* its dialog is told of */
	struct answer_calls calls;
	pid_t pid; /* 0: none */
	int text_fd, stage_fd;
	ev_io text, stage;
};

void answer_init(struct answer *answer, struct ev_loop *loop, struct model *model,
                 const struct answer_calls *calls);
/* For the request of that number. */
int answer_begin(struct answer *answer, const struct options *options, uint64_t id) MUST_CHECK;
/* Learns by now how far it is, and calls nothing. */
void answer_look(struct answer *answer);
/* What was typed is void. Returns when the process has ended, and has given the terminal back. */
void answer_break_off(struct answer *answer);

#endif
