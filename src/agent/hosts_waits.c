#include "agent/hosts_waits.h"

#include <stddef.h>

static void list_add(struct hosts_wait **list, struct hosts_wait *wait) {
	wait->next = *list;
	wait->link = list;
	if (wait->next != NULL)
		wait->next->link = &wait->next;
	*list = wait;
}

void hosts_wait_end(struct hosts_wait *wait) {
	if (wait->link == NULL)
		return;
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	*wait = (struct hosts_wait){.done = wait->done, .data = wait->data};
}

/* Empties the one list into the other, which is empty. */
static void list_move(struct hosts_wait **to, struct hosts_wait **from) {
	*to = *from;
	*from = NULL;
	if (*to != NULL)
		(*to)->link = to;
}

bool hosts_waits_add(struct hosts_waits *waits, struct hosts_wait *wait, void (*done)(void *data),
                     void *data) {
	bool is_first = waits->now == NULL;

	*wait = (struct hosts_wait){.done = done, .data = data};
	list_add(is_first ? &waits->now : &waits->later, wait);
	if (is_first)
		waits->is_seen = waits->is_indexed = false;
	return is_first;
}

void hosts_waits_seen(struct hosts_waits *waits, bool asked) {
	waits->is_seen = waits->is_seen || asked;
}

void hosts_waits_indexing(struct hosts_waits *waits) {
	waits->is_indexed = waits->is_seen;
}

static void list_tell(struct hosts_wait **list) {
	while (*list != NULL) {
		struct hosts_wait *wait = *list;

		hosts_wait_end(wait);
		wait->done(wait->data);
	}
}

bool hosts_waits_tell(struct hosts_waits *waits, bool all) {
	struct hosts_wait *now, *later;
	bool has_more = !all && waits->later != NULL;

	list_move(&now, &waits->now);
	list_move(all ? &later : &waits->now, &waits->later);
	waits->is_seen = waits->is_indexed = false;
	list_tell(&now);
	if (all)
		list_tell(&later);
	return has_more;
}

void hosts_waits_drop(struct hosts_waits *waits) {
	while (waits->now != NULL)
		hosts_wait_end(waits->now);
	while (waits->later != NULL)
		hosts_wait_end(waits->later);
}
