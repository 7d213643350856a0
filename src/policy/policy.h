/*
 * A policy: rules, and what happens where none fits. Loaded whole or not at all, const from then
 * on, and shared by reference, because a request in flight keeps the policy that decided it.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/confirm.h"
#include "facts/renderers.h"
#include "facts/request.h"
#include "facts/tell.h"
#include "facts/verdict.h"
#include "policy/problems.h"

#define POLICY_LEN_MAX                                                                        \
	(1024 * 1024)   /* of all its files; 10,000 rules fit; a device or a mistake does not \
	                 */
#define UPSTREAM_MANAGED     "managed"
#define UPSTREAM_MANAGED_GPG "managed:gpg-agent"

#define INCLUDES_MAX 16 /* each is watched, and read again with every change */

enum on_log_error { ON_LOG_ERROR_DENY, ON_LOG_ERROR_ALLOW };

/* When an event is on the disk, and not only with the system. */
enum log_sync {
	LOG_SYNC_NONE,     /* when the system thinks best */
	LOG_SYNC_INTERVAL, /* within seconds */
	LOG_SYNC_ALWAYS,   /* before the answer goes out */
};
#define LOG_SYNC_COUNT (LOG_SYNC_ALWAYS + 1)

struct log_settings {
	enum on_log_error on_error;
	enum log_sync sync;
	unsigned keep_days;                  /* 0: for ever */
	uint64_t keep_len;                   /* of all files together; 0: however much */
	uint64_t file_len;                   /* a longer file is followed by another one */
	bool no_compress;                    /* closed files stay as they are */
	bool no_journal;                     /* the system's log gets no copy */
	char sign_key[KEY_FINGERPRINT_SIZE]; /* signs heads of the log; "": none does */
	unsigned sign_every;                 /* so many events */
	enum log_detail detail; /* of events; a rule may say otherwise, unless the floor says it */
	/* What the file says, where others are its defaults: bits by the order above. */
	unsigned says;
};
#define LOG_SAYS_ON_ERROR (1U << 0)
#define LOG_SAYS_SYNC     (1U << 1)
#define LOG_SAYS_KEEP     (1U << 2)
#define LOG_SAYS_KEEP_LEN (1U << 3)
#define LOG_SAYS_FILE_LEN (1U << 4)
#define LOG_SAYS_COMPRESS (1U << 5)
#define LOG_SAYS_DETAIL   (1U << 6)
#define LOG_SAYS_JOURNAL  (1U << 7)
#define LOG_SAYS_HEADS    (1U << 8)
#define LOG_SAYS_ALL      ((1U << 9) - 1)

#define LOG_SIGN_EVERY_USUAL 1000
#define LOG_FILE_LEN_USUAL   (UINT64_C(64) * 1024 * 1024)
#define LOG_FILE_LEN_MIN     (UINT64_C(64) * 1024)
#define LOG_FILE_LEN_MAX     (UINT64_C(1024) * 1024 * 1024)

struct policy;

/* What somebody found at the path of a policy. */
struct policy_file {
	const char *path;
	int error; /* 0, or why it could not be read: -EFBIG: longer than POLICY_LEN_MAX, -EINVAL:
	            * no regular file, ... */
	uid_t owner;
	mode_t mode;
	struct bytes text;
};

/* Gives the files that a policy includes. */
struct policy_source {
	/* What lies at the path; that nothing does is an error of the file. -EINPROGRESS: nobody
	 * has looked yet; -ENOMEM. The text must stay until the policy is parsed. */
	int (*find)(void *data, const char *path, struct policy_file *ret);
	void *data;
	bool any_owner; /* nothing is decided by it but tests */
};

/* What a policy's meaning depends on besides its text. */
struct surroundings {
	const char *home; /* what "~/" in a path means, without a last "/"; NULL: not known */
	bool is_floor;    /* what it says nothing of, it allows (floor.h) */
	const struct policy_source *source; /* NULL: it can include nothing */
	struct buffer *copy; /* gets path and text of each file that is read (copy.h); NULL: none */
};

/* Parses text as the policy file called file (for messages, and for what it includes). surroundings
 * may be NULL: nothing is known. -EINVAL: it has problems, all of which are in *problems; *ret is
 * then untouched. -EINPROGRESS: a file that it includes is not there yet, and problems may be
 * repeated. -ENOMEM. */
int policy_parse(struct policy **ret, struct bytes text, const char *file,
                 const struct surroundings *surroundings, struct problems *problems) MUST_CHECK;

/* As policy_parse(), of a file that must be owned by the user or root, and not be writable by
 * others. Its error is returned as it is, and is in *problems, too, but -ENOENT. */
int policy_parse_file(struct policy **ret, const struct policy_file *file,
                      const struct surroundings *surroundings,
                      struct problems *problems) MUST_CHECK;

/* Whether it was read, and is owned and writable by nobody but the user and root, or root alone.
 * Else its error, or -EPERM, with a problem. */
int policy_file_check(const struct policy_file *file, bool roots_alone,
                      struct problems *problems) MUST_CHECK;

/* Reads the file (owned by the user or root, not writable by others) and parses it; "~/" is HOME
 * of the environment, with links resolved, because paths of executables are. -ENOENT where there
 * is none; other errors are in *problems, too. Blocks for as long as the file system does. */
int policy_load(struct policy **ret, const char *path, struct problems *problems) MUST_CHECK;

/* A source that reads from the disk, as policy_load() does; data is one of these, zeroed. */
struct disk_files {
	struct buffer texts[INCLUDES_MAX];
	size_t count;
};
int disk_files_find(void *data, const char *path, struct policy_file *ret);
void disk_files_deinit(struct disk_files *files);

/* What policy_load() takes for home: owned by the caller; NULL where HOME does not name a
 * directory. */
char *policy_home(void);
/* The same for another directory than HOME. */
char *policy_home_at(const char *directory);

/* What holds without a policy file: every signature asks, every change is denied. */
int policy_new_default(struct policy **ret) MUST_CHECK;

struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/*
 * Pure: no clock, no file, no log. The first rule that fits wins; where none does, default_action
 * for signatures, default_change_action for what changes the agent, allow for listing.
 *
 * A fact may be unknown. An allow needs every field certainly; a deny or confirm fits if it could.
 * A confirm that is uncertain keeps searching, and a later deny wins. A caller that is not
 * identified is allowed to sign, or to change the agent, only by a rule that names an endpoint
 * other than "default".
 */
struct verdict policy_decide(const struct policy *policy, const struct request *request);

/* Which coding agents are behind the request, by the definitions that are compiled in and those of
 * the policy. Pure, too. request->coding_agents is to be that before policy_decide(). */
struct coding_agents policy_coding_agents(const struct policy *policy,
                                          const struct request *request);

/* Whether it defines agents of its own, besides those that are compiled in. */
bool policy_defines_agents(const struct policy *policy);

/* The variables that must be asked of a caller's environment: those that rules, agents and
 * capture_extra_env_vars name, each once; one may end in '*', for all that begin so. Borrowed.
 */
const char *const *policy_env_names(const struct policy *policy, size_t *ret_count);

/* The known_hosts files that the policy names, of users or of the system. NULL: it names none, so
 * that ssh's configuration says. Borrowed. */
const char *const *policy_known_files(const struct policy *policy, enum known_by by,
                                      size_t *ret_count);

/* The hosts that rules name without wildcards, each once, as known_hosts writes them: what a hashed
 * name is to be compared with. Borrowed. */
const char *const *policy_host_names(const struct policy *policy, size_t *ret_count);

/* Of the text, hex; "" for the default. Where it includes others, of the lines "SHA-256\n" of each
 * file, itself first and each where it is included. */
const char *policy_sha256(const struct policy *policy);
const char *policy_path(const struct policy *policy); /* "" for the default */
/* The files that it includes. Borrowed. */
const char *const *policy_included(const struct policy *policy, size_t *ret_count);
bool policy_locks(const struct policy *policy); /* lock: true */
/* Whether a rule names that field of a match. */
bool policy_asks(const struct policy *policy, const char *field);
size_t policy_rule_count(const struct policy *policy);
struct log_settings policy_log(const struct policy *policy);
/* Whether any request could be one that a person is asked about. */
bool policy_may_ask_a_person(const struct policy *policy);
/* The command that tells whether the screen is locked, ended by NULL; NULL: there is none. */
char *const *policy_screen_state(const struct policy *policy);
/* The real agent: one of the words above, or a path; NULL: it does not say. */
const char *policy_upstream(const struct policy *policy);
/* How people are told. */
const struct tell_settings *policy_tell(const struct policy *policy);
const struct renderers_settings *policy_renderers(const struct policy *policy);
/* How a person is asked, for all questions and for those of the rule with that name (a verdict's);
 * of the default nothing is remembered. */
const struct confirm_settings *policy_confirm(const struct policy *policy);
struct confirm_terms policy_confirm_terms(const struct policy *policy, const char *rule);

#endif
