/* What a described request says of where a login goes, by name. What is stated is what a live
 * request would have proved; what is not is told by the command line, as a claim. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "caller/destination.h"
#include "describe/part.h"
#include "describe/slot.h"
#include "policy/field_word.h"

int part_read_ssh_dest(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	target->described->states_ssh_dest = true;
	return slot_copy(&target->described->destination.ssh_dest, reading, name, value);
}

/* "user@host" or the host; "[host]:port" is a host with both of its names. */
static int add_stated(struct host_names *host, const char *text) {
	const char *at = strrchr(text, '@');
	const char *name = at != NULL ? at + 1 : text;
	const char *end = strstr(name, "]:");
	int error = 0;

	if (*name == '[' && end != NULL)
		error = host_names_add(
			host, (struct bytes){(const uint8_t *)name + 1, (size_t)(end - name) - 1},
			0);
	return error == 0 ? host_names_add(host, bytes_of_text(name), 0) : error;
}

/* With the user that is stated, or else the one that the command line names. */
static int add_claimed(struct described *described, const char *name) {
	struct destination *destination = &described->destination;
	const struct ssh_place *place = &described->claim.destination;
	const char *user = described->ssh_user != NULL ? described->ssh_user : place->user;
	int error = host_names_add(&destination->host, bytes_of_text(name), place->port);

	if (error < 0)
		return error;
	return destination_set_text(destination,
	                            user != NULL ? bytes_of_text(user) : (struct bytes){0});
}

int part_settle_ssh_dest(struct target *target) {
	struct described *described = target->described;
	struct destination *destination = &described->destination;
	const char *names[SSH_ARGV_NAMES_MAX];

	destination->host.more = MORE_NAMES_NONE;
	if (destination->ssh_dest != NULL)
		return *destination->ssh_dest != '\0'
		               ? add_stated(&destination->host, destination->ssh_dest)
		               : 0;
	if (ssh_argv_names(names, &described->claim) > 0)
		return add_claimed(described, names[0]);
	return part_settle_text(&destination->ssh_dest, "");
}

int part_read_dest_mismatch(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	part_read_tri(&target->described->destination.mismatch, reading, name, value);
	return 0;
}

/* Where the command line names another host or user than is stated. */
int part_settle_dest_mismatch(struct target *target) {
	struct described *described = target->described;
	struct destination *destination = &described->destination;
	const char *user = described->claim.destination.user;
	const char *names[SSH_ARGV_NAMES_MAX];
	size_t n_names = ssh_argv_names(names, &described->claim);
	struct host_names claimed = {0};
	bool differs = n_names > 0;

	if (destination->mismatch != TRI_UNKNOWN)
		return 0;
	destination->mismatch = TRI_NO;
	if (!described->states_ssh_dest || n_names == 0 || destination->host.n_names == 0 ||
	    described->request.is_forwarded == TRI_YES)
		return 0;
	for (size_t i = 0; i < n_names; i++) {
		int error = host_names_add(&claimed, bytes_of_text(names[i]), 0);

		if (error < 0) {
			host_names_deinit(&claimed);
			return error;
		}
	}
	for (size_t i = 0; i < claimed.n_names; i++)
		differs = differs && strcmp(claimed.names[i], destination->host.names[0]) != 0;
	host_names_deinit(&claimed);
	if (user != NULL && described->ssh_user != NULL)
		differs = differs || strcmp(user, described->ssh_user) != 0;
	destination->mismatch = differs ? TRI_YES : TRI_NO;
	return 0;
}

int part_read_is_in_known_hosts(struct target *target, struct reading *reading, const char *name,
                                const struct yaml_node *value) {
	part_read_tri(&target->described->destination.is_known, reading, name, value);
	return 0;
}

int part_settle_is_in_known_hosts(struct target *target) {
	struct destination *destination = &target->described->destination;

	if (destination->is_known == TRI_UNKNOWN)
		destination->is_known = destination->known_by != 0 ? TRI_YES : TRI_NO;
	return 0;
}

/* One word, or a list of them. */
int part_read_known_hosts(struct target *target, struct reading *reading, const char *name,
                          const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;

	for (; item != NULL; item = value->kind == TREE_LIST ? item->next : NULL) {
		unsigned by = KNOWN_BY_COUNT;

		part_read_word(&by, reading, name, item, word_of_known_hosts, KNOWN_BY_COUNT);
		if (by < KNOWN_BY_COUNT)
			target->described->destination.known_by |= 1U << by;
	}
	return 0;
}

int part_read_git_operation(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	unsigned operation = GIT_OPERATION_WORDS;

	part_read_word(&operation, reading, name, value, word_of_git_operation,
	               GIT_OPERATION_WORDS);
	if (operation == GIT_OPERATION_WORDS)
		return 0;
	return part_settle_text(&target->described->destination.git_operation,
	                        word_of_git_operation(operation));
}

int part_read_git_repo(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	return slot_copy(&target->described->destination.git_repo, reading, name, value);
}

/* What the command line says stays unknown where that is. */
static int settle_git(struct target *target, char **text, const char *claimed) {
	if (target->described->caller->process.argv == NULL)
		return 0;
	return part_settle_text(text, claimed != NULL ? claimed : "");
}

int part_settle_git_operation(struct target *target) {
	struct described *described = target->described;

	return settle_git(target, &described->destination.git_operation,
	                  git_operation_name(described->claim.git_operation));
}

int part_settle_git_repo(struct target *target) {
	struct described *described = target->described;

	return settle_git(target, &described->destination.git_repo, described->claim.git_repo);
}

int part_read_forwarded_via(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	struct described *described = target->described;
	struct destination *destination = &described->destination;
	size_t n_hops = value->count;

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_LIST || n_hops > SESSION_HOPS_MAX) {
		REPORT(reading, value, "%s: not a list of at most %d hosts, the nearest first",
		       name, SESSION_HOPS_MAX);
		return 0;
	}
	if (described->session.hops != NULL) {
		REPORT(reading, value, "%s: hops is stated, too; remove that", name);
		return 0;
	}
	destination->hops = calloc(n_hops + 1, sizeof(*destination->hops));
	if (destination->hops == NULL)
		return -ENOMEM;
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
		struct host_names *hop = &destination->hops[destination->n_hops++];
		const char *text = slot_text(reading, name, item);

		hop->more = MORE_NAMES_NONE;
		if (text != NULL && add_stated(hop, text) < 0)
			return -ENOMEM;
	}
	return session_make_hops(&described->session, (unsigned)n_hops);
}

/* As many as there are, without names that a rule could mean. */
int part_settle_forwarded_via(struct target *target) {
	struct described *described = target->described;
	struct destination *destination = &described->destination;

	destination->hops_known = true;
	if (destination->hops != NULL)
		return 0;
	destination->hops = calloc(SESSION_HOPS_MAX, sizeof(*destination->hops));
	if (destination->hops == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < described->session.n_hops; i++)
		if (described->session.hops[i]->is_forwarding)
			destination->hops[destination->n_hops++].more = MORE_NAMES_NONE;
	return 0;
}
