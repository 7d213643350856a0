/* The guard that runs, as it tells of itself. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/program_file.h"
#include "doctor/contact.h"
#include "doctor/look.h"
#include "log/status.h"

#define AREA   "guard"
#define BARRED "says no yes" /* of what is enrolled: the floor names other keys */

static void tell_upstream(struct findings *findings, struct bytes status) {
	char upstream[256], reachable[16], why[512];

	status_value(upstream, sizeof(upstream), status, "upstream");
	status_value(reachable, sizeof(reachable), status, "upstream_reachable");
	status_value(why, sizeof(why), status, "upstream_reachable_why");
	look_at_upstream(findings, upstream, strcmp(reachable, "false") == 0 ? NULL : why);
}

static void tell_state(struct findings *findings, struct bytes status) {
	char state[64], text[512], notice[1024];

	status_value(state, sizeof(state), status, "state");
	status_value(text, sizeof(text), status, "text");
	status_value(notice, sizeof(notice), status, "notice");
	if (strcmp(state, "idle") == 0 || strcmp(state, "reloaded") == 0 ||
	    strcmp(state, "confirming") == 0)
		findings_add(findings, GRADE_OK, AREA, NULL, "it serves");
	else
		findings_add(findings,
		             strcmp(state, "locked") == 0 || strcmp(state, "policy-locked") == 0
		                     ? GRADE_NOTE
		                     : GRADE_BAD,
		             AREA, "see `ssh-agent-guard status` and `ssh-agent-guard log`",
		             "%s: %s", state, text);
	if (*notice != '\0')
		findings_add(findings, GRADE_NOTE, AREA, "do as it says; see `ssh-agent-guard log`",
		             "it wants you to know: %s", notice);
}

/* Each slot by itself: which YubiKey it is, a person can compare. */
static void tell_slot(struct findings *findings, const char *line, size_t len) {
	findings_add(
		findings, GRADE_NOTE, "confirm",
		"a security key (ssh-agent-guard enroll fido2) signs what it says yes to; most "
		"YubiKeys are one as well",
		"a YubiKey can say yes by an OTP slot, which is weak: %.*s", (int)len, line);
}

/* Who can say yes, as the guard has it in force. */
static void tell_people(struct findings *findings, const struct look *look) {
	static const char of_key[] = ": security key, ", of_pin[] = "pin: of this account";
	CLEANUP(buffer_deinit) struct buffer list = {0};
	unsigned n_keys = 0, n_barred = 0, n_slots = 0;
	bool has_pin = false;

	if (control_ask(&list, look->control, "enrolled", false) != 0)
		return;
	buffer_put_u8(&list, 0);
	if (buffer_error(&list) < 0)
		return;
	for (const char *line = (const char *)list.data; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		if (strncmp(line, of_pin, strlen(of_pin)) == 0) {
			has_pin = true;
		} else if (memmem(line, len, BARRED, strlen(BARRED)) != NULL) {
			n_barred++;
		} else if (memmem(line, len, of_key, strlen(of_key)) != NULL) {
			n_keys++;
		} else if (*line != ' ') { /* which tells more of the one above */
			n_slots++;
			tell_slot(findings, line, len);
		}
		line += len + (line[len] == '\n');
	}
	if (n_barred > 0)
		findings_add(findings, GRADE_NOTE, "confirm",
		             "have the administrator add its public key (ssh-agent-guard enroll "
		             "--list) to confirm: credentials of the system floor, or remove it",
		             n_barred == 1 ? "%u security key is enrolled that the system floor "
		                             "does not name, so it says no yes"
		                           : "%u security keys are enrolled that the system floor "
		                             "does not name, so they say no yes",
		             n_barred);
	if (n_keys > 0)
		findings_add(findings, GRADE_OK, "confirm", NULL,
		             n_keys == 1 ? "%u security key can say yes%s"
		                         : "%u security keys can say yes%s",
		             n_keys, has_pin ? ", and the PIN" : "");
	else if (has_pin || n_slots == 0)
		findings_add(findings, GRADE_NOTE, "confirm",
		             has_pin ? "ssh-agent-guard enroll fido2"
		                     : "ssh-agent-guard enroll fido2, or enroll pin",
		             has_pin && n_slots > 0 ? "the PIN of the account can say yes as well, "
		                                      "which is weak"
		             : has_pin
		                     ? "only a PIN can say yes, which is weak"
		                     : "nothing is enrolled that can say yes, so what a rule wants "
		                       "confirmed is refused");
}

static void tell_process(struct findings *findings, struct bytes status) {
	char pid[32];

	status_value(pid, sizeof(pid), status, "pid");
	if (atol(pid) > 0)
		look_into_guard(findings, (pid_t)atol(pid));
}

static void tell_program(struct findings *findings, struct bytes status) {
	switch (program_file_compare(status)) {
	case PROGRAM_FILE_SAME: break;
	case PROGRAM_FILE_OTHER:
		findings_add(findings, GRADE_NOTE, AREA, PROGRAM_FILE_ADVICE,
		             "the program that runs is not the one that is installed by now");
		break;
	case PROGRAM_FILE_UNKNOWN:
		findings_add(findings, GRADE_NOTE, AREA, PROGRAM_FILE_ADVICE,
		             "it does not tell which program it was started from: it is older "
		             "than this one");
		break;
	}
}

void look_for_policy(char *ret, size_t size, const char *control) {
	CLEANUP(buffer_deinit) struct buffer status = {0};

	if (control_ask(&status, control, "status", false) != 0 ||
	    !status_path(ret, size, buffer_bytes(&status), "policy"))
		*ret = '\0';
}

void look_at_guard(struct findings *findings, const struct look *look) {
	CLEANUP(buffer_deinit) struct buffer status = {0};
	int result = control_ask(&status, look->control, "status", false);

	if (result == 0) {
		tell_upstream(findings, buffer_bytes(&status));
		/* The guard notices then whether it is its own real agent. */
		contact_query(look->socket);
		buffer_clear(&status);
		result = control_ask(&status, look->control, "status", false);
	}
	if (result == 0) {
		tell_state(findings, buffer_bytes(&status));
		tell_program(findings, buffer_bytes(&status));
		tell_people(findings, look);
		tell_process(findings, buffer_bytes(&status));
		return;
	}
	findings_add(findings, GRADE_BAD, AREA, "start it: eval \"$(ssh-agent-guard start)\"",
	             "none is running at %s: %s", look->socket,
	             result == 1 ? "it does not answer as one" : strerror(-result));
}
