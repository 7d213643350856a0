#include "agent/ssh_aliases.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ssh_query.h"

#define KEPT         8    /* answers */
#define KEPT_S       2.   /* a login takes less, and who edits the configuration sees it soon */
#define WAITS_MAX    1024 /* who comes then goes without an answer, as who has waited for too long */
#define WAIT_MAX_S   3.   /* behind others, until one's own turn */
#define NAME_LEN_MAX 253  /* of a host in DNS */

struct kept {
	char *typed; /* owned; NULL: none */
	struct ssh_alias alias;
	bool is_known;
	double until;
};

struct ssh_aliases {
	struct ev_loop *loop;
	struct ssh_query *query;
	char *asked;                  /* whom ssh is being asked about; owned; NULL: it is not */
	struct ssh_alias_wait *waits; /* in the order of their coming */
	struct kept kept[KEPT];
	size_t next_kept;
};

/* ---- what is kept ---- */

static void kept_deinit(struct kept *kept) {
	free(kept->typed);
	ssh_alias_deinit(&kept->alias);
	*kept = (struct kept){0};
}

static const struct kept *find_kept(const struct ssh_aliases *aliases, const char *typed) {
	for (size_t i = 0; i < KEPT; i++) {
		const struct kept *kept = &aliases->kept[i];

		if (kept->typed != NULL && kept->until > ev_now(aliases->loop) &&
		    strcmp(kept->typed, typed) == 0)
			return kept;
	}
	return NULL;
}

/* Takes both over. */
static void keep(struct ssh_aliases *aliases, char *typed, struct ssh_alias alias, bool is_known) {
	struct kept *kept = &aliases->kept[aliases->next_kept];

	aliases->next_kept = (aliases->next_kept + 1) % KEPT;
	kept_deinit(kept);
	*kept = (struct kept){typed, alias, is_known, ev_now(aliases->loop) + KEPT_S};
}

/* ---- who waits ---- */

void ssh_alias_wait_end(struct ssh_alias_wait *wait) {
	if (wait->link != NULL) {
		*wait->link = wait->next;
		if (wait->next != NULL)
			wait->next->link = wait->link;
	}
	free(wait->typed);
	*wait = (struct ssh_alias_wait){0};
}

/* Ours is the haste, and not the name's fault: it may stand for any host. */
static const struct ssh_alias not_asked = {.host = (char[]){""}};

static void tell(struct ssh_alias_wait *wait, const struct ssh_alias *alias) {
	ssh_aliases_told *told = wait->told;
	void *data = wait->data;

	ssh_alias_wait_end(wait);
	told(data, alias);
}

static size_t count(const struct ssh_aliases *aliases) {
	size_t n = 0;

	for (const struct ssh_alias_wait *wait = aliases->waits; wait != NULL; wait = wait->next)
		n++;
	return n;
}

/* Starts with the one who waits for longest, and tells those for whom there will be no answer. */
static void ask_next(struct ssh_aliases *aliases) {
	while (aliases->asked == NULL && aliases->waits != NULL) {
		struct ssh_alias_wait *wait = aliases->waits;
		const struct kept *kept = find_kept(aliases, wait->typed);

		if (kept != NULL) {
			tell(wait, kept->is_known ? &kept->alias : NULL);
			continue;
		}
		if (ev_now(aliases->loop) - wait->since < WAIT_MAX_S &&
		    ssh_query_ask(aliases->query, wait->typed) == 0 &&
		    (aliases->asked = strdup(wait->typed)) != NULL)
			return;
		tell(wait, &not_asked);
	}
}

/* Everybody who asked for that name hears of it, also who waits behind others. */
static void on_answer(void *data, int error, struct bytes text) {
	struct ssh_aliases *aliases = data;
	struct ssh_alias alias = {0};
	bool is_known = error == 0 && ssh_alias_read(&alias, text) == 0;
	char *typed = TAKE(aliases->asked);

	ev_now_update(aliases->loop);
	if (typed == NULL)
		ssh_alias_deinit(&alias);
	else
		keep(aliases, typed, alias, is_known);
	ask_next(aliases);
}

/* ---- asking ---- */

/* What may stand in a file name, in a command, or as an option is not asked about. */
static bool is_plain_name(const char *typed) {
	size_t len = strlen(typed);

	if (len == 0 || len > NAME_LEN_MAX || *typed == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)typed[i]) && strchr("._-", typed[i]) == NULL)
			return false;
	return true;
}

void ssh_aliases_ask(struct ssh_aliases *aliases, struct ssh_alias_wait *wait, const char *typed,
                     ssh_aliases_told *told, void *data) {
	struct ssh_alias_wait **last;

	*wait = (struct ssh_alias_wait){.told = told, .data = data};
	if (aliases == NULL || !is_plain_name(typed)) {
		tell(wait, NULL);
		return;
	}
	if (count(aliases) == WAITS_MAX || (wait->typed = strdup(typed)) == NULL) {
		tell(wait, &not_asked);
		return;
	}
	wait->since = ev_now(aliases->loop);
	for (last = &aliases->waits; *last != NULL; last = &(*last)->next)
		;
	*last = wait;
	wait->link = last;
	ask_next(aliases);
}

/* ---- its life ---- */

int ssh_aliases_new(struct ssh_aliases **ret, struct ev_loop *loop, const char *home) {
	struct ssh_aliases *aliases = calloc(1, sizeof(*aliases));
	int error;

	if (aliases == NULL)
		return -ENOMEM;
	aliases->loop = loop;
	error = ssh_query_new(&aliases->query, loop, home, true, on_answer, aliases);
	if (error < 0) {
		free(aliases);
		return error;
	}
	*ret = aliases;
	return 0;
}

void ssh_aliases_free(struct ssh_aliases *aliases) {
	if (aliases == NULL)
		return;
	while (aliases->waits != NULL)
		ssh_alias_wait_end(aliases->waits);
	ssh_query_free(aliases->query);
	free(aliases->asked);
	for (size_t i = 0; i < KEPT; i++)
		kept_deinit(&aliases->kept[i]);
	free(aliases);
}
