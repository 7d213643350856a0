#include "agent/destination_doubt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum tri both(enum tri now, enum tri then) {
	return now == then ? now : TRI_UNKNOWN;
}

enum tri forwarded_by_either(enum tri now, enum tri then) {
	if (now == TRI_YES || then == TRI_YES)
		return TRI_YES;
	return both(now, then);
}

static bool has(const struct host_names *host, const char *name) {
	for (size_t i = 0; i < host->n_names; i++)
		if (strcmp(host->names[i], name) == 0)
			return true;
	return false;
}

/* Appends a copy of each name of one that the other one has, or has not. */
static int take(struct host_names *merged, const struct host_names *of, const struct host_names *in,
                bool is_there) {
	for (size_t i = 0; i < of->n_names; i++) {
		if (has(in, of->names[i]) != is_there)
			continue;
		merged->names[merged->n_names] = strdup(of->names[i]);
		if (merged->names[merged->n_names] == NULL)
			return -ENOMEM;
		merged->n_names++;
	}
	return 0;
}

/* *ret_same is left alone where both are the same. */
static int doubt_names(struct host_names *now, const struct host_names *then, bool *ret_same) {
	CLEANUP(host_names_deinit) struct host_names merged = {0};
	struct host_names before = *now;
	size_t n_sure;
	int error;

	/* The less is known of others the lower. */
	merged.more = now->more < then->more ? now->more : then->more;
	merged.names = calloc(now->n_names + then->n_names + 1, sizeof(*merged.names));
	if (merged.names == NULL)
		return -ENOMEM;
	error = take(&merged, now, then, true);
	n_sure = merged.n_names;
	if (error == 0)
		error = take(&merged, now, then, false);
	if (error == 0)
		error = take(&merged, then, now, false);
	if (error < 0)
		return error;
	merged.n_doubtful = merged.n_names - n_sure;
	if (merged.n_doubtful > 0 || now->more != then->more)
		*ret_same = false;
	*now = merged;
	merged = before;
	return 0;
}

static int doubt_hops(struct destination *now, const struct destination *then, bool *ret_same) {
	size_t count = now->n_hops < then->n_hops ? now->n_hops : then->n_hops;
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = doubt_names(&now->hops[i], &then->hops[i], ret_same);
	return error;
}

int destination_doubt(struct destination *now, const struct destination *then, struct bytes user) {
	bool same = now->is_known == then->is_known && now->mismatch == then->mismatch &&
	            now->known_by == then->known_by && now->is_revoked == then->is_revoked;
	int error = doubt_names(&now->host, &then->host, &same);

	if (error == 0)
		error = doubt_hops(now, then, &same);
	if (error < 0)
		return error;
	now->is_accepted = same ? TRI_YES : TRI_NO;
	now->mismatch = both(now->mismatch, then->mismatch);
	now->is_known = both(now->is_known, then->is_known);
	now->doubted_by = now->known_by ^ then->known_by;
	now->known_by &= then->known_by;
	now->is_revoked = now->is_revoked || then->is_revoked;
	/* A name that is accepted is shown before one that is not. */
	return destination_set_text(now, user);
}
