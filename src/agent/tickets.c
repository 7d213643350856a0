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
                                 const char *how, int tries) {
	struct ticket *ticket = &tickets->items[tickets->next++ % TICKETS_MAX];

	end(ticket);
	ticket->watch = watch;
	if (nonce_new(ticket->nonce) < 0) {
		end(ticket);
		return NULL;
	}
	ticket->prompt = prompt;
	ticket->how = how;
	ticket->tries = tries;
	ticket->pid = pid;
	return ticket;
}

void tickets_prompt_ends(struct tickets *tickets, uint64_t prompt, enum prompt_state state) {
	for (size_t i = 0; i < TICKETS_MAX; i++)
		if (tickets->items[i].prompt == prompt)
			tickets->items[i].state = state;
}

/* One that is kept goes on to watch the process, so the caller gets a watch of his own. */
static bool hand_out_watch(int *ret_watch, const struct ticket *ticket) {
	int watch;

	if (platform_process_watch(&watch, ticket->pid) < 0)
		return false;
	if (!platform_process_lives(ticket->watch)) {
		close_fd(&watch); /* of whoever has its number now */
		return false;
	}
	*ret_watch = watch;
	return true;
}

static bool use(struct ticket_use *ret, struct ticket *ticket, bool keeps) {
	int watch = -1;

	if (keeps && !hand_out_watch(&watch, ticket))
		return false;
	if (!keeps)
		watch = take_fd(&ticket->watch);
	*ret = (struct ticket_use){ticket->how, ticket->state, watch};
	return true;
}

static bool take(struct ticket_use *ret, struct tickets *tickets, const struct peer *writer,
                 uint64_t prompt, struct bytes nonce, bool awaits) {
	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct ticket *ticket = &tickets->items[i];
		bool fits, keeps;

		if (ticket->watch < 0 || nonce.len != NONCE_SIZE - 1 ||
		    memcmp(ticket->nonce, nonce.data, nonce.len) != 0)
			continue;
		fits = ticket->prompt == prompt && writer->known && writer->pid == ticket->pid &&
		       platform_process_lives(ticket->watch);
		keeps = awaits ? ticket->tries > 1 : --ticket->tries > 0;
		fits = fits && use(ret, ticket, keeps);
		if (!fits || !keeps)
			end(ticket);
		return fits;
	}
	return false;
}

bool tickets_take(struct ticket_use *ret, struct tickets *tickets, const struct peer *writer,
                  uint64_t prompt, struct bytes nonce) {
	return take(ret, tickets, writer, prompt, nonce, false);
}

bool tickets_await(struct ticket_use *ret, struct tickets *tickets, const struct peer *writer,
                   uint64_t prompt, struct bytes nonce) {
	return take(ret, tickets, writer, prompt, nonce, true);
}
