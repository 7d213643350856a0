/* What lies in files: private keys, known_hosts, the policy, the events. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lock_file.h"
#include "base/file.h"
#include "config.h"
#include "doctor/contact.h"
#include "doctor/look.h"
#include "log/chain.h"
#include "log/days.h"
#include "policy/endpoint.h"
#include "policy/lint.h"
#include "policy/policy.h"
#include "wire/key_file.h"

#define KEY_FILE_LEN_MAX    (64 * 1024) /* the longest RSA key takes a fifth of that */
#define KNOWN_HOSTS_LEN_MAX (64 * 1024 * 1024)
#define FILES_MAX           10000 /* of a directory: nobody has so many keys */

/* name is below ~/.ssh. */
static void look_at_key(struct findings *findings, size_t *n_keys, int dir_fd, const char *name) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct stat status;

	if (file_read(&text, dir_fd, name, KEY_FILE_LEN_MAX, &status) < 0)
		return;
	switch (key_file_look(buffer_bytes(&text))) {
	case KEY_FILE_NONE: return;
	case KEY_FILE_ENCRYPTED: break;
	case KEY_FILE_PLAIN:
		findings_add(findings, GRADE_BAD, "keys",
		             "give it a passphrase: ssh-keygen -p -f FILE; or keep it in hardware",
		             "a private key without a passphrase can be read by every program of "
		             "this user: ~/.ssh/%s",
		             name);
		break;
	}
	(*n_keys)++;
	if ((status.st_mode & 077) != 0)
		findings_add(findings, GRADE_BAD, "keys", "chmod 600 FILE",
		             "others may read or change a private key: ~/.ssh/%s", name);
}

/* What lies in ~/.ssh, or in a directory there, whose name with a slash is below. */
static void look_at_keys_in(struct findings *findings, size_t *n_keys, const char *ssh,
                            const char *below) {
	char path[PATH_MAX], name[PATH_MAX];
	CLEANUP(close_fd) int ssh_fd = open(ssh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = NULL;

	if (ssh_fd >= 0 && snprintf(path, sizeof(path), "%s/%s", ssh, below) < (int)sizeof(path))
		directory = opendir(path);
	for (int i = 0; directory != NULL && i < FILES_MAX; i++) {
		struct dirent *entry = readdir(directory);
		struct stat status;

		if (entry == NULL)
			break;
		if (snprintf(name, sizeof(name), "%s%s", below, entry->d_name) >= (int)sizeof(name))
			continue;
		look_at_key(findings, n_keys, ssh_fd, name);
		if (*below == '\0' && entry->d_name[0] != '.' &&
		    fstatat(ssh_fd, name, &status, 0) == 0 && S_ISDIR(status.st_mode)) {
			strcat(name, strlen(name) + 1 < sizeof(name) ? "/" : "");
			look_at_keys_in(findings, n_keys, ssh, name);
		}
	}
	if (directory != NULL)
		closedir(directory);
}

void look_at_keys(struct findings *findings, const struct look *look) {
	CLEANUP(free_pointer) char *path = NULL;
	size_t n_keys = 0, bad = findings->n_bad;

	if (look->home == NULL || asprintf(&path, "%s/.ssh", look->home) < 0)
		path = NULL;
	if (path != NULL)
		look_at_keys_in(findings, &n_keys, path, "");
	if (findings->n_bad == bad)
		findings_add(findings, GRADE_OK, "keys", NULL,
		             "no private key lies in ~/.ssh without a passphrase (%zu with one, or "
		             "in hardware)",
		             n_keys);
}

void look_at_hosts(struct findings *findings, const struct look *look) {
	CLEANUP(free_pointer) char *path = NULL;
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct bytes rest;
	size_t n_hashed = 0, n_lines = 0;

	if (look->home == NULL || asprintf(&path, "%s/.ssh/known_hosts", look->home) < 0 ||
	    file_read(&text, AT_FDCWD, path, KNOWN_HOSTS_LEN_MAX, NULL) < 0)
		return;
	rest = buffer_bytes(&text);
	while (rest.len > 0) {
		const uint8_t *stop = memchr(rest.data, '\n', rest.len);
		size_t len = stop != NULL ? (size_t)(stop - rest.data) + 1 : rest.len;

		n_lines += len > 1 && rest.data[0] != '#';
		n_hashed += len > 3 && memcmp(rest.data, "|1|", 3) == 0;
		rest.data += len;
		rest.len -= len;
	}
	if (n_hashed > 0)
		findings_add(findings, GRADE_NOTE, "known_hosts",
		             "HashKnownHosts no, and entries without hashes, give the guard names",
		             "%zu of %zu entries hide their names: the guard knows such a host by "
		             "its key, and by a name only where the command line has it",
		             n_hashed, n_lines);
}

/* What a lock is worth: what was accepted, whoever ends the guard can replace. */
static void look_at_lock(struct findings *findings, const struct look *look,
                         const struct policy *policy) {
	CLEANUP(free_pointer) char *path = NULL;

	if (asprintf(&path, "%s/" LOCK_FILE, look->state) < 0) {
		path = NULL;
		return;
	}
	if (policy_locks(policy) || access(path, F_OK) == 0)
		findings_add(
			findings, GRADE_NOTE, "lock",
			"after a restart that you did not ask for, look at `ssh-agent-guard log "
			"--field trigger=policy-accepted`",
			"the policy is locked: a guard that runs takes no other without your "
			"yes, nor other keys for the names that known_hosts had; across restarts "
			"it begins with %s, which programs of this user "
			"can replace while none runs, so that this is evidence of tampering at "
			"best",
			path);
}

/* Whoever was given an endpoint and no other socket has no way to a key where that is missing, or
 * is somebody else's. */
static void look_at_endpoints(struct findings *findings, const struct look *look,
                              const struct policy *policy) {
	pid_t guard = contact_listener(look->socket);
	size_t count, n_bad = 0;
	const struct endpoint *endpoints = policy_endpoints(policy, &count);

	for (size_t i = 0; i < count && guard != 0; i++) {
		if (contact_listener(endpoints[i].path) == guard)
			continue;
		n_bad++;
		findings_add(findings, GRADE_BAD, "endpoints",
		             "see `ssh-agent-guard log --field trigger=endpoint-failed`, or "
		             "`ssh-agent-guard reload`",
		             "the guard does not listen at the endpoint %s of the policy: %s",
		             endpoints[i].name, endpoints[i].path);
	}
	if (count > 0 && guard != 0 && n_bad == 0)
		findings_add(findings, GRADE_OK, "endpoints", NULL,
		             "the guard listens at each endpoint of the policy (%zu)", count);
}

void look_at_policy(struct findings *findings, const struct look *look) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;
	int error = policy_load(&policy, look->policy, &problems);

	if (error == -ENOENT) {
		findings_add(findings, GRADE_NOTE, "policy",
		             access(STARTER_POLICY, R_OK) == 0
		                     ? "begin with the starter policy: install -Dm 600 " STARTER_POLICY
		                       " there"
		                     : "begin with the starter policy, policy/starter.yaml of the "
		                       "sources: see ssh-agent-guard-policy(5)",
		             "there is none at %s, so every signature needs a confirmation",
		             look->policy);
		return;
	}
	if (error < 0) {
		findings_add(findings, GRADE_BAD, "policy",
		             "see `ssh-agent-guard policy lint`; an old one may still be in force",
		             "%s cannot be used: %s", look->policy,
		             problems.count > 0 ? problems.items[0].text : strerror(-error));
		return;
	}
	policy_lint(policy, &problems, &problems);
	if (problems_total(&problems) > 0)
		findings_add(findings, GRADE_NOTE, "policy",
		             "see `ssh-agent-guard policy lint FILE`",
		             "%s may not mean what you want: %zu remark%s, the first: %s",
		             look->policy, problems_total(&problems),
		             problems_total(&problems) == 1 ? "" : "s", problems.items[0].text);
	else
		findings_add(findings, GRADE_OK, "policy", NULL, "%s, %zu rules", look->policy,
		             policy_rule_count(policy));
	look_at_lock(findings, look, policy);
	look_at_endpoints(findings, look, policy);
	policy_unref(policy);
}

void look_at_log(struct findings *findings, const struct look *look) {
	CLEANUP(free_pointer) char *path = NULL;
	CLEANUP(close_fd) int fd = -1;
	struct chain_report report = {0};
	int error;

	if (asprintf(&path, "%s/" EVENTS_DIRECTORY, look->state) < 0) {
		path = NULL;
		return;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	error = fd < 0 ? -errno : chain_verify(&report, fd, NULL, 0);
	if (error < 0)
		findings_add(findings, GRADE_BAD, "log", "see who may read it, and the disk",
		             "the events cannot be read: %s: %s", path, strerror(-error));
	else if (report.finding == CHAIN_WHOLE || report.finding == CHAIN_UNFINISHED)
		findings_add(findings, GRADE_OK, "log", NULL,
		             "the chain of events is whole (%llu events)",
		             (unsigned long long)report.last_seq);
	else
		findings_add(findings, GRADE_BAD, "log", "see `ssh-agent-guard log verify`",
		             "somebody changed the events: %s at event %llu",
		             chain_finding_name(report.finding), (unsigned long long)report.seq);
}
