#include "agent/tickets.h"

#include <string.h>

#include "base/cleanup.h"

static void end(struct ticket *ticket) {
	close_fd(&ticket->watch);
	*ticket = (struct ticket){.watch = -1};
}

void tickets_init(struct tickets *tickets) {
	*tickets = (struct tickets){0};
	for (size_t i = 0; i < TICKETS_MAX; i++)
		tickets->items[i].watch = -1;
}

void tickets_deinit(struct tickets *tickets) {
	for (size_t i = 0; i < TICKETS_MAX; i++)
		end(&tickets->items[i]);
}

const struct ticket *tickets_add(struct tickets *tickets, pid_t pid, int watch, uint64_t prompt,
                                 const char *how) {
	struct ticket *ticket = &tickets->items[tickets->next++ % TICKETS_MAX];

	end(ticket);
	ticket->watch = watch;
	if (nonce_new(ticket->nonce) < 0) {
		end(ticket);
		return NULL;
	}
	ticket->prompt = prompt;
	ticket->how = how;
	ticket->pid = pid;
	return ticket;
}

bool tickets_take(struct tickets *tickets, const struct peer *writer, uint64_t prompt,
                  struct bytes nonce, const char **ret_how, int *ret_watch) {
	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct ticket *ticket = &tickets->items[i];
		bool fits;

		if (ticket->watch < 0 || nonce.len != NONCE_SIZE - 1 ||
		    memcmp(ticket->nonce, nonce.data, nonce.len) != 0)
			continue;
		fits = ticket->prompt == prompt && writer->known && writer->pid == ticket->pid &&
		       platform_process_lives(ticket->watch);
		if (fits) {
			*ret_how = ticket->how;
			*ret_watch = take_fd(&ticket->watch);
		}
		end(ticket);
		return fits;
	}
	return false;
}
