#include "agent/ending.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/upstream.h"
#include "base/diag.h"
#include "platform/platform.h"
#include "wire/identities.h"
#include "wire/message.h"

/* ---- who sent a signal ---- */

/* Of the first one. Here and not in a struct, because a handler is given none. */
static volatile sig_atomic_t noted_number; /* 0: none came */
static volatile sig_atomic_t noted_sent, noted_pid, noted_user;

/* libev's own handler does not look who sent it. */
static void on_delivered(int number, siginfo_t *info, void *context) {
	uid_t user = 0;

	(void)context;
	if (noted_number == 0) {
		noted_sent = platform_signal_was_sent(number, info);
		noted_pid = (sig_atomic_t)platform_signal_sender(&user, info);
		noted_user = (sig_atomic_t)user;
		noted_number = number;
	}
	ev_feed_signal(number);
}

static void put_sender(char *ret, size_t size, int number) {
	const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";

	if (noted_pid > 0)
		snprintf(ret, size, "%s, sent by process %ld of user %lu", name, (long)noted_pid,
		         (unsigned long)(uid_t)noted_user);
	else
		snprintf(ret, size, "%s, sent by %s", name,
		         noted_sent ? "an unknown process" : "a terminal or the system");
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents) {
	char why[ENDING_WHY_SIZE];

	(void)loop, (void)revents;
	put_sender(why, sizeof(why), noted_number);
	ending_ask(watcher->data, why);
}

static void watch_signal(struct ending *ending, ev_signal *watcher, int number) {
	struct sigaction action = {.sa_sigaction = on_delivered,
	                           .sa_flags = SA_SIGINFO | SA_RESTART};

	ev_signal_init(watcher, on_signal, number);
	watcher->data = ending;
	ev_signal_start(ending->guard->loop, watcher);
	/* In the place of libev's, and it hands on to that. */
	sigfillset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void ending_init(struct ending *ending, struct guard *guard) {
	*ending = (struct ending){.guard = guard};
	watch_signal(ending, &ending->terminate, SIGTERM);
	watch_signal(ending, &ending->interrupt, SIGINT);
}

void ending_deinit(struct ending *ending) {
	ev_signal_stop(ending->guard->loop, &ending->terminate);
	ev_signal_stop(ending->guard->loop, &ending->interrupt);
	upstream_link_free(ending->link);
	ending->link = NULL;
}

/* ---- what goes with the guard ---- */

static void count_key(void *data, struct bytes key_blob, struct bytes comment) {
	(void)key_blob, (void)comment;
	((struct ending *)data)->n_keys++;
}

static void on_listed(void *data, int error, struct bytes answer) {
	struct ending *ending = data;

	ending->counted = error == 0;
	if (error == 0)
		identities_each(answer, count_key, ending);
	ev_break(ending->guard->loop, EVBREAK_ALL);
}

/* gpg-agent's keys are files. */
static bool has_keys_of_ours(const struct guard *guard) {
	return guard->upstream.managed && !guard->upstream.down &&
	       strcmp(guard->upstream_name, UPSTREAM_MANAGED_GPG) != 0;
}

void ending_ask(struct ending *ending, const char *why) {
	static const uint8_t list[] = {0, 0, 0, 1, AGENT_REQUEST_IDENTITIES};
	struct guard *guard = ending->guard;
	bool is_first = ending->why[0] == '\0';

	if (is_first)
		snprintf(ending->why, sizeof(ending->why), "%s", why);
	if (!is_first || !has_keys_of_ours(guard) ||
	    upstream_link_new(&ending->link, guard->loop, &guard->upstream) < 0) {
		ev_break(guard->loop, EVBREAK_ALL);
		return;
	}
	upstream_link_request(ending->link, BYTES(list), ENDING_PATIENCE_S, on_listed, ending);
}

static void put_keys(char *ret, size_t size, const struct ending *ending) {
	if (!ending->counted)
		snprintf(ret, size, "so do its keys, it did not say how many");
	else if (ending->n_keys == 0)
		snprintf(ret, size, "it listed no keys");
	else if (ending->n_keys == 1)
		snprintf(ret, size, "so does the one key in it");
	else
		snprintf(ret, size, "so do the %zu keys in it", ending->n_keys);
}

void ending_tell(struct ending *ending, const char *managed_agent) {
	char keys[64], detail[ENDING_WHY_SIZE + 128];

	if (managed_agent == NULL) {
		guard_note(ending->guard, "stop", NULL, ending->why);
		return;
	}
	if (strcmp(ending->guard->upstream_name, UPSTREAM_MANAGED_GPG) == 0) {
		snprintf(keys, sizeof(keys), "so do the passphrases that it remembers");
	} else {
		put_keys(keys, sizeof(keys), ending);
		if (!ending->counted || ending->n_keys > 0)
			diag_info("stop: %s goes with the guard, and %s (after the next start: "
			          "ssh-add)",
			          managed_agent, keys);
	}
	snprintf(detail, sizeof(detail), "%s; %s goes with it, and %s", ending->why, managed_agent,
	         keys);
	guard_note(ending->guard, "stop", NULL, detail);
}
