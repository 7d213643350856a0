/* Where a login goes, by what its connection proves and known_hosts tells. */
#include "agent/exchange_parts.h"

#include <string.h>

#include "base/clock.h"

static struct destination_input destination_input(const struct exchange *exchange) {
	const struct guard *guard = exchange->in.guard;

	return (struct destination_input){
		.index = hosts_index(guard->hosts),
		.index_is_complete = hosts_is_complete(guard->hosts),
		.accepted = hosts_accepted(guard->hosts),
		.policy = guard->policy,
		.floor = guard->floor,
		.caller = exchange->caller,
		.alias = exchange->alias.host != NULL ? &exchange->alias : NULL,
		.session = exchange->in.session,
		.meeting = exchange->meeting,
		.login = exchange_is_login(exchange) ? &exchange->payload.login : NULL,
		.is_for_login = exchange_is_login(exchange) ||
	                        exchange_is_operation(exchange, OPERATION_LIST),
		.now_s = clock_real_us() / 1000000,
	};
}

/* As known_hosts and the policies are now. Out of memory nothing is known. */
void exchange_locate(struct exchange *exchange) {
	struct destination destination = {0};
	enum tri is_forwarded = session_is_forwarded(exchange->in.session);
	struct destination_input input;

	exchange->meeting = exchange->met;
	input = destination_input(exchange);
	if (destination_make(&destination, &is_forwarded, &input) < 0)
		destination = (struct destination){0};
	destination_deinit(&exchange->destination);
	exchange->destination = destination;
	exchange->is_forwarded = is_forwarded;
	exchange->is_located = true;
	/* On a forwarded connection any host may have bound the session in its own name. */
	if (exchange->meeting == MEETING_BOUND &&
	    (is_forwarded == TRI_YES || (exchange_is_login(exchange) && is_forwarded != TRI_NO)))
		exchange->meeting = MEETING_NONE;
}

static void exchange_located(struct exchange *exchange) {
	if (!exchange_is_over(exchange))
		exchange_look_up(exchange);
}

static void on_alias_told(void *data, const struct ssh_alias *alias) {
	struct exchange *exchange = data;

	if (alias != NULL) {
		exchange->alias = (struct ssh_alias){strdup(alias->host), alias->port};
		exchange_locate(exchange);
	}
	exchange_located(exchange);
}

/* What is typed may be an alias of the host that is proved, and only ssh can say so. */
static void exchange_see_through(struct exchange *exchange) {
	if (exchange->destination.typed == NULL || exchange->has_asked_ssh) {
		exchange_located(exchange);
		return;
	}
	exchange->has_asked_ssh = true;
	ssh_aliases_ask(hosts_aliases(exchange->in.guard->hosts), &exchange->alias_wait,
	                exchange->destination.typed, on_alias_told, exchange);
}

static void on_known_hosts_read(void *data) {
	struct exchange *exchange = data;

	exchange_locate(exchange);
	exchange_see_through(exchange);
}

/* A person who just said yes to ssh's question about a new host is in its file, and not yet in
 * ours.
 */
static bool is_news(const struct exchange *exchange) {
	const struct destination_input input = destination_input(exchange);

	return !exchange->has_waited && hosts_index(exchange->in.guard->hosts) != NULL &&
	       destination_is_news(&exchange->destination, &input);
}

void exchange_find_host(struct exchange *exchange) {
	exchange_locate(exchange);
	if (!is_news(exchange)) {
		exchange_see_through(exchange);
		return;
	}
	exchange->has_waited = true;
	hosts_wait(exchange->in.guard->hosts, &exchange->hosts_wait, on_known_hosts_read, exchange);
}
