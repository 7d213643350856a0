/* How a person is asked: what a policy says for all questions, and for those of one rule. */
#ifndef FACTS_CONFIRM_H
#define FACTS_CONFIRM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each is a bit. */
enum confirm_method {
	CONFIRM_PIN = 1 << 0,
	CONFIRM_ASKPASS = 1 << 1,
	CONFIRM_TOUCH = 1 << 2,   /* of a security key */
	CONFIRM_OTP = 1 << 3,     /* a YubiKey's OTP slot answers a challenge, once it is touched */
	CONFIRM_OTP_PIN = 1 << 4, /* likewise, to a challenge that is made of a PIN */
};
#define CONFIRM_METHOD_COUNT 5
#define CONFIRM_METHODS_ALL  ((1U << CONFIRM_METHOD_COUNT) - 1)
/* Beside all but askpass, which are then those that where the person is lets one choose from. */
#define CONFIRM_AUTO (1U << 8)

static inline const char *confirm_method_name(enum confirm_method method) {
	switch (method) {
	case CONFIRM_PIN: return "pin";
	case CONFIRM_ASKPASS: return "askpass";
	case CONFIRM_TOUCH: return "touch";
	case CONFIRM_OTP: return "otp";
	case CONFIRM_OTP_PIN: return "otp-pin";
	}
	return "invalid";
}

/* Another program of the account can trace the one who types, or press the button; or what says yes
 * signs nothing, so that nobody can tell later for what it was. */
static inline bool confirm_method_is_weak(enum confirm_method method) {
	switch (method) {
	case CONFIRM_PIN:
	case CONFIRM_ASKPASS:
	case CONFIRM_OTP:
	case CONFIRM_OTP_PIN: return true;
	case CONFIRM_TOUCH: return false;
	}
	return true;
}

/* The order of a list of methods: the one that comes first, and can be used, is the one that asks.
 * From the first on, 0 behind the last; those that it leaves out come after it, the stronger ones
 * first. */
struct confirm_order {
	uint8_t methods[CONFIRM_METHOD_COUNT];
	bool is_any; /* of `auto`: there is none, and each may answer */
};

/* A method that stands before the one that answered, or that asked last. */
struct confirm_passed {
	enum confirm_method method;
	const char *why; /* static: a word */
};

/* Who is covered by a yes that is remembered. Each is a bit; what the yes is for is always bound,
 * so that the last two narrow nothing. */
enum confirm_scope {
	SCOPE_SESSION = 1 << 0,  /* the same terminal session, while its leader lives */
	SCOPE_EXE = 1 << 1,      /* the same executable */
	SCOPE_ANCESTOR = 1 << 2, /* below the process that started the job, while that lives */
	SCOPE_CWD = 1 << 3,      /* in the same directory */
	SCOPE_DEST = 1 << 4,
	SCOPE_KEY = 1 << 5,
};
#define CONFIRM_SCOPE_COUNT 6

static inline const char *confirm_scope_name(enum confirm_scope scope) {
	switch (scope) {
	case SCOPE_SESSION: return "session";
	case SCOPE_EXE: return "exe";
	case SCOPE_ANCESTOR: return "ancestor";
	case SCOPE_CWD: return "cwd";
	case SCOPE_DEST: return "dest";
	case SCOPE_KEY: return "key";
	}
	return "invalid";
}

/* What the older ssh-agent-guard was told of a YubiKey's slots, as a file of version 0 has it, and
 * else its defaults: by these its files of expected answers can be read (confirm/otp_older.h). */
#define CHALLENGE_TEXT_MAX 64 /* more fits in no challenge */
struct confirm_older {
	char challenge[CHALLENGE_TEXT_MAX + 1];
	unsigned touch_slot, pin_slot;
};

/* For all questions. */
struct confirm_settings {
	unsigned methods;       /* an OR of enum confirm_method */
	unsigned methods_named; /* those that somebody has written; 0: the default holds */
	struct confirm_order order;
	unsigned timeout_s;     /* of each question */
	unsigned max_pending;
	unsigned pause_s;    /* for how long a caller is not asked for whom nobody answered */
	unsigned tmux_popup; /* 0 or 1: the guard opens `confirm` in the user's tmux */
	struct confirm_older older;
};
#define CONFIRM_TIMEOUT_S   120
#define CONFIRM_MAX_PENDING 3
#define CONFIRM_PAUSE_S     300

#define PINNED_POINT_LEN 64 /* a security key's public key: x and y of P-256 */

/* The security keys that the system floor names: where it names any, no other one says yes. */
struct pinned_keys {
	uint8_t (*points)[PINNED_POINT_LEN]; /* owned */
	size_t count;
};

/* For the questions of a rule. */
struct confirm_terms {
	unsigned methods;    /* 0: those of the settings, in their order */
	struct confirm_order order;
	unsigned pin;        /* 0 or 1: a touch takes the PIN of the security key as well */
	unsigned remember_s; /* 0: each is asked anew */
	unsigned scope;      /* an OR of enum confirm_scope */
};

#endif
