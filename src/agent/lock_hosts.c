#include "agent/lock_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/hosts.h"
#include "agent/kept.h"
#include "base/diag.h"
#include "confirm/challenge.h"

#define FIRST_LINE   "# ssh-agent-guard: known_hosts as it was accepted, SHA-256 "
#define FILE_LEN_MAX (KNOWN_HOSTS_BYTES_MAX + sizeof(FIRST_LINE) + DIGEST_HEX)

enum standing {
	STANDING_FREE,  /* no lock */
	STANDING_TRUST, /* what will be read is trusted */
	STANDING_HELD,
};

struct lock_hosts {
	struct guard *guard;
	struct kept kept;
	enum standing standing;
	struct buffer text; /* STANDING_HELD: what was accepted */
	char sha256[DIGEST_HEX];
	const char *fault; /* static: why nothing is accepted; NULL */
	bool is_news;      /* trusted, or at fault, and no event has told that yet */
	bool has_started;
};

/* ---- its file ---- */

int lock_hosts_parse(struct bytes *ret, struct bytes file) {
	size_t len = strlen(FIRST_LINE), line_len = len + DIGEST_HEX; /* its NUL is the '\n' here */
	char digest[DIGEST_HEX];
	struct bytes text;

	if (file.len < line_len || memcmp(file.data, FIRST_LINE, len) != 0 ||
	    file.data[line_len - 1] != '\n')
		return -EBADMSG;
	text = (struct bytes){file.data + line_len, file.len - line_len};
	if (digest_hex(digest, text) < 0 || memcmp(file.data + len, digest, DIGEST_HEX - 1) != 0)
		return -EBADMSG;
	*ret = text;
	return 0;
}

static int put_text(struct buffer *ret, const char *sha256, struct bytes text) {
	buffer_put_raw(ret, bytes_of_text(FIRST_LINE));
	buffer_put_raw(ret, bytes_of_text(sha256));
	buffer_put_raw(ret, bytes_of_text("\n"));
	buffer_put_raw(ret, text);
	return buffer_error(ret);
}

static int put_file(void *data, struct buffer *ret) {
	const struct lock_hosts *hosts = data;

	return put_text(ret, hosts->sha256, buffer_bytes(&hosts->text));
}

/* ---- what is accepted ---- */

struct accepted {
	struct buffer text;
	char sha256[DIGEST_HEX];
};

static void accepted_deinit(struct accepted *accepted) {
	buffer_deinit(&accepted->text);
}

static int accepted_of(struct accepted *ret, struct bytes text) {
	int error = digest_hex(ret->sha256, text);

	buffer_put_raw(&ret->text, text);
	return error < 0 ? error : buffer_error(&ret->text);
}

/* Takes the text over. */
static void hold(struct lock_hosts *hosts, struct accepted *accepted) {
	buffer_deinit(&hosts->text);
	hosts->text = accepted->text;
	accepted->text = (struct buffer){0};
	strcpy(hosts->sha256, accepted->sha256);
	hosts->standing = STANDING_HELD;
	hosts->fault = NULL;
	hosts->is_news = false;
}

static void hold_nothing(struct lock_hosts *hosts) {
	buffer_deinit(&hosts->text);
	hosts->standing = STANDING_HELD;
	if (digest_hex(hosts->sha256, (struct bytes){0}) < 0)
		hosts->sha256[0] = '\0';
}

static int write_file(struct lock_hosts *hosts, const struct accepted *accepted) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	int error = put_text(&file, accepted->sha256, buffer_bytes(&accepted->text));

	return error < 0 ? error : kept_write(&hosts->kept, buffer_bytes(&file));
}

int lock_hosts_take(struct lock_hosts *hosts, struct bytes text) {
	CLEANUP(accepted_deinit) struct accepted accepted = {0};
	int error = accepted_of(&accepted, text);

	if (error == 0)
		error = write_file(hosts, &accepted);
	if (error < 0)
		return error;
	hold(hosts, &accepted);
	hosts_lock_changed(hosts->guard->hosts);
	return 0;
}

void lock_hosts_release(struct lock_hosts *hosts) {
	bool was_free = hosts->standing == STANDING_FREE;

	buffer_deinit(&hosts->text);
	hosts->standing = STANDING_FREE;
	hosts->fault = NULL;
	hosts->is_news = false;
	if (was_free && !hosts->kept.is_kept)
		return;
	if (kept_remove(&hosts->kept) < 0)
		diag_error(LOCK_HOSTS_FILE " in the state directory cannot be removed");
	hosts->kept.is_kept = false; /* without a lock nobody goes by it */
	hosts_lock_changed(hosts->guard->hosts);
}

void lock_hosts_none(struct lock_hosts *hosts) {
	if (hosts->standing != STANDING_FREE)
		return;
	hold_nothing(hosts);
	hosts_lock_changed(hosts->guard->hosts);
}

void lock_hosts_load(struct lock_hosts *hosts) {
	CLEANUP(accepted_deinit) struct accepted accepted = {0};
	CLEANUP(buffer_deinit) struct buffer file = {0};
	struct bytes text = {0};
	int error = kept_read(&file, hosts->guard->state_fd, LOCK_HOSTS_FILE, FILE_LEN_MAX);

	if (error == 0)
		error = lock_hosts_parse(&text, buffer_bytes(&file));
	if (error == 0)
		error = accepted_of(&accepted, text);
	if (error == 0) {
		hold(hosts, &accepted);
		kept_found(&hosts->kept);
		return;
	}
	hold_nothing(hosts);
	hosts->fault = kept_fault(error);
	hosts->is_news = true;
	diag_error(LOCK_HOSTS_FILE " in the state directory: %s: names of hosts in known_hosts of "
	                           "the user allow nothing (ssh-agent-guard policy accept)",
	           hosts->fault);
}

/* ---- while it runs ---- */

static void tell(struct lock_hosts *hosts) {
	char detail[320];

	if (!hosts->is_news || !hosts->has_started)
		return;
	hosts->is_news = false;
	if (hosts->fault == NULL) {
		snprintf(detail, sizeof(detail),
		         "the policy is locked, and nothing was accepted before: known_hosts was "
		         "trusted as it is, SHA-256 %s",
		         hosts->sha256);
		guard_note(hosts->guard, "known-hosts-accepted", "first-use", detail);
		return;
	}
	snprintf(detail, sizeof(detail),
	         "the policy is locked, and " LOCK_HOSTS_FILE " in the state directory, which says "
	         "what known_hosts was accepted, cannot be used: %s; until ssh-agent-guard policy "
	         "accept, names that only known_hosts of the user has allow nothing",
	         hosts->fault);
	guard_note(hosts->guard, "known-hosts-refused", NULL, detail);
}

bool lock_hosts_trust(struct lock_hosts *hosts) {
	if (hosts->standing != STANDING_FREE)
		return false;
	hosts->standing = STANDING_TRUST;
	if (hosts_have_been_read(hosts->guard->hosts))
		lock_hosts_read(hosts);
	return true;
}

void lock_hosts_read(struct lock_hosts *hosts) {
	CLEANUP(accepted_deinit) struct accepted accepted = {0};
	int error;

	if (hosts->standing != STANDING_TRUST)
		return;
	error = accepted_of(&accepted, hosts_users_text(hosts->guard->hosts));
	if (error == 0) {
		error = write_file(hosts, &accepted);
		hold(hosts, &accepted);
	}
	hosts_lock_changed(hosts->guard->hosts);
	if (error < 0)
		diag_error(LOCK_HOSTS_FILE ": %s (it holds until the guard ends)",
		           strerror(-error));
	hosts->is_news = true;
	tell(hosts);
}

void lock_hosts_started(struct lock_hosts *hosts) {
	hosts->has_started = true;
	kept_start(&hosts->kept);
	tell(hosts);
}

bool lock_hosts_text(const struct lock_hosts *hosts, struct bytes *ret) {
	if (hosts == NULL || hosts->standing != STANDING_HELD)
		return false;
	*ret = buffer_bytes(&hosts->text);
	return true;
}

bool lock_hosts_is_at_fault(const struct lock_hosts *hosts) {
	return hosts->fault != NULL;
}

int lock_hosts_new(struct lock_hosts **ret, struct guard *guard) {
	struct lock_hosts *hosts = calloc(1, sizeof(*hosts));

	if (hosts == NULL)
		return -ENOMEM;
	hosts->guard = guard;
	if (kept_init(&hosts->kept, guard, LOCK_HOSTS_FILE, put_file, hosts) < 0) {
		free(hosts);
		return -ENOMEM;
	}
	*ret = hosts;
	return 0;
}

void lock_hosts_free(struct lock_hosts *hosts) {
	if (hosts == NULL)
		return;
	kept_deinit(&hosts->kept);
	buffer_deinit(&hosts->text);
	free(hosts);
}
