#include "agent/refusal.h"

#include <string.h>

#include "base/plain.h"

#define NAME_SHOWN 48

/* What a word of the contract means to whoever waits at the terminal, and what to do about it. */
static const struct {
	const char *reason, *words;
} told[] = {
	{"caller-unknown", "it could not be told which program asks"},
	{"denied", "somebody said no"},
	{"key-not-pinned", "none of the security keys that the system floor names is enrolled "
                           "(ssh-agent-guard enroll --list)"},
	{"keys-hidden", "this host would be denied every key"},
	{"missing", "nothing is set up by which you could say yes (ssh-agent-guard enroll pin, or "
                    "enroll fido2)"},
	{"panic", "panic is on (ssh-agent-guard panic off)"},
	{"pin-locked", "the PIN was wrong too often, and is locked for a while"},
	{"rate-limited", "there were too many (rate-limited)"},
	{"timeout", "nobody said yes in time"},
	{"unanswered", "nobody answered before, so nobody was asked; try again in some minutes"},
};

static void put(struct buffer *text, const char *words) {
	buffer_put_raw(text, bytes_of_text(words));
}

static void put_reason(struct buffer *text, const char *reason) {
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(told[i].reason, reason) == 0) {
			put(text, told[i].words);
			return;
		}
	plain_put(text, bytes_of_text(reason), NAME_SHOWN);
}

/* A word that no shell takes for something else. */
static bool is_one_word(const char *path) {
	return path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	                         "/._-+,@")] == '\0';
}

void refusal_put(struct buffer *text, const struct event *event, const char *state) {
	put(text, "ssh-agent-guard: ");
	put(text, event->trigger);
	put(text, " is refused");
	if (event->rule != NULL) {
		put(text, " by rule ");
		plain_put(text, bytes_of_text(event->rule), NAME_SHOWN);
	}
	if (event->reason != NULL) {
		put(text, ": ");
		put_reason(text, event->reason);
	}
	put(text, " (see: ssh-agent-guard log --since 10m --decision ");
	put(text, event->decision);
	if (state != NULL) {
		put(text, " --state-dir ");
		put(text, is_one_word(state) ? state : "DIRECTORY");
	}
	put(text, ")\r\n");
}
