#include "agent/destination.h"

#include <errno.h>
#include <string.h>

#include "agent/destination_doubt.h"
#include "base/clock.h"
#include "wire/host_key.h"
#include "wire/key.h"
#include "wire/session.h"

#define NAMES_MAX    16 /* of one key that are read; a rule's own names are looked for in any case */
#define RESOLVED_MAX 64 /* names that fit, for which hashed ones are taken */
#define SSH_PORT     22
/* Somebody may write a hundred thousand hashed names for one key, and another a thousand rules. Of
 * processor time: on a busy machine a rule means what it means on a quiet one. */
#define LOOKUP_NS_MAX UINT64_C(20000000)

/* One host key, looked up. */
struct lookup {
	const struct destination_input *input;
	struct bytes key;
	const struct ssh_argv *claim; /* whose names it may have; NULL: none */
	bool is_certified;            /* by a certificate that is good for a host */
	struct known_host_name resolved[RESOLVED_MAX];
	size_t n_resolved;
	uint64_t begun_work_ns;
	bool is_in_doubt;       /* a name was not compared, or without an answer */
	bool claim_is_in_doubt; /* and it was that of the command line */
	bool has_many;          /* names that were not read */
	unsigned known_by;      /* an OR of enum known_by */
	bool is_revoked;
};

/* What the host of the command line may be called in known_hosts. */
struct claimed_name {
	const char *host;
	uint16_t port;
	bool is_looked_up; /* by ssh, of all its names */
};

static uint16_t port_of(const struct ssh_argv *claim) {
	return claim->destination.port != 0 ? claim->destination.port : SSH_PORT;
}

/* ssh's configuration has the last word for what was typed, and the command line over it. */
static bool alias_holds(const struct destination_input *input, const struct ssh_argv *claim) {
	return input->alias != NULL && claim->state == SSH_ARGV_HOST && !claim->has_config &&
	       claim->host_name == NULL && claim->host_key_alias == NULL;
}

/* Of -o HostName, and of what the configuration makes of an alias, ssh looks up that alone. */
static bool is_looked_up(const struct ssh_argv *claim, const char *name) {
	return claim->host_key_alias != NULL || claim->host_name == NULL ||
	       strcmp(name, claim->host_name) == 0;
}

/* Returns how many; the likeliest first. claim: NULL: none. */
static size_t claimed_names(struct claimed_name ret[static SSH_ARGV_NAMES_MAX],
                            const struct destination_input *input, const struct ssh_argv *claim) {
	const char *names[SSH_ARGV_NAMES_MAX];
	size_t n_names = claim != NULL ? ssh_argv_names(names, claim) : 0;

	if (n_names > 0 && alias_holds(input, claim)) {
		const struct ssh_alias *alias = input->alias;
		uint16_t port = claim->destination.port != 0 ? claim->destination.port
		                                             : alias->port;
		bool is_none = strcmp(names[0], alias->host) == 0;

		port = port != 0 ? port : SSH_PORT;
		ret[0] = (struct claimed_name){names[0], port, is_none};
		ret[1] = (struct claimed_name){alias->host, port, true};
		return is_none ? 1 : 2;
	}
	for (size_t i = 0; i < n_names; i++)
		ret[i] = (struct claimed_name){names[i], port_of(claim),
		                               is_looked_up(claim, names[i])};
	return n_names;
}

static void note_known(struct lookup *lookup, const struct known_host *found) {
	if (found->by_user == TRI_YES)
		lookup->known_by |= KNOWN_BY_USER;
	if (found->by_system == TRI_YES)
		lookup->known_by |= KNOWN_BY_SYSTEM;
}

/* By its own line, or by its CA. Where it would take too long to tell, the name allows nothing, and
 * the host may have it. */
static enum tri has_name(struct lookup *lookup, const char *host, uint16_t port) {
	const struct known_hosts *index = lookup->input->index;
	enum tri has = known_hosts_has_name(index, lookup->key, host, port);
	struct known_host found;

	if (has != TRI_YES && lookup->is_certified &&
	    known_hosts_find_certificate(&found, index, lookup->key, host, port) == 0) {
		note_known(lookup, &found);
		if (found.by_user == TRI_YES || found.by_system == TRI_YES)
			has = TRI_YES;
		else if (found.by_user == TRI_UNKNOWN || found.by_system == TRI_UNKNOWN)
			has = TRI_UNKNOWN;
	}
	if (has == TRI_UNKNOWN)
		lookup->is_in_doubt = true;
	return has;
}

static int add(struct host_names *host, struct lookup *lookup, struct known_host_name name) {
	if (lookup->n_resolved < RESOLVED_MAX)
		lookup->resolved[lookup->n_resolved++] = name;
	return host_names_add(host, name.host, name.port);
}

/* ssh takes a key that is listed without a port as well, but not where any is listed with it. */
static enum tri has_bare_name(struct lookup *lookup, const struct claimed_name *name) {
	enum tri has = has_name(lookup, name->host, 0);

	if (has == TRI_NO)
		return TRI_NO;
	switch (known_hosts_knows_name(lookup->input->index, name->host, name->port)) {
	case TRI_YES: return TRI_NO;
	case TRI_UNKNOWN: return TRI_UNKNOWN;
	case TRI_NO: break;
	}
	return has;
}

/* By the name, at its port or without one. */
static enum tri has_claimed_name(struct lookup *lookup, struct claimed_name *name) {
	enum tri has = has_name(lookup, name->host, name->port);

	if (has != TRI_NO || name->port == SSH_PORT)
		return has;
	has = has_bare_name(lookup, name);
	name->port = SSH_PORT;
	return has;
}

/* What the command line says, if the key has that name. */
static int add_claimed(struct host_names *host, struct lookup *lookup) {
	struct claimed_name names[SSH_ARGV_NAMES_MAX];
	size_t n_names = claimed_names(names, lookup->input, lookup->claim);

	for (size_t i = 0; i < n_names; i++)
		if (has_claimed_name(lookup, &names[i]) == TRI_YES)
			return add(host, lookup,
			           (struct known_host_name){bytes_of_text(names[i].host),
			                                    names[i].port});
	return 0;
}

static int add_read(struct host_names *host, struct lookup *lookup) {
	struct known_host_name names[NAMES_MAX];
	size_t n_names = known_hosts_names(lookup->input->index, lookup->key, names, NAMES_MAX);
	int error = 0;

	lookup->has_many = n_names == NAMES_MAX;
	for (size_t i = 0; i < n_names && error == 0; i++)
		error = add(host, lookup, names[i]);
	if (!lookup->is_certified)
		return error;
	n_names = known_hosts_principals(lookup->input->index, lookup->key, names, NAMES_MAX);
	lookup->has_many = lookup->has_many || n_names == NAMES_MAX;
	for (size_t i = 0; i < n_names && error == 0; i++) {
		char text[HOST_NAME_LEN_MAX + 1];

		if (names[i].host.len > HOST_NAME_LEN_MAX)
			continue;
		memcpy(text, names[i].host.data, names[i].host.len);
		text[names[i].host.len] = '\0';
		if (has_name(lookup, text, names[i].port) == TRI_YES)
			error = add(host, lookup, names[i]);
	}
	return error;
}

/* "host" or "[host]:port", as a rule writes it. false: not a host. */
static bool rule_name_read(char ret[static HOST_NAME_LEN_MAX + 1], uint16_t *ret_port,
                           const char *text) {
	const char *end = *text == '[' ? strstr(text, "]:") : NULL;
	size_t len = end != NULL ? (size_t)(end - text) - 1 : strlen(text);

	*ret_port = SSH_PORT;
	if (len == 0 || len > HOST_NAME_LEN_MAX ||
	    (end != NULL && ssh_port_read(ret_port, bytes_of_text(end + 2)) < 0))
		return false;
	memcpy(ret, end != NULL ? text + 1 : text, len);
	ret[len] = '\0';
	return true;
}

/* Those of the rules that the key has, which only they can tell where names are hashed. Of a host
 * without a port, the one of the command line counts, too. */
static int add_of_policy(struct host_names *host, struct lookup *lookup,
                         const struct policy *policy) {
	size_t count = 0;
	const char *const *names = policy != NULL ? policy_host_names(policy, &count) : NULL;
	struct claimed_name claimed[SSH_ARGV_NAMES_MAX];
	uint16_t claimed_port = claimed_names(claimed, lookup->input, lookup->claim) > 0
	                                ? claimed[0].port
	                                : SSH_PORT;
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		char text[HOST_NAME_LEN_MAX + 1];
		uint16_t port;

		if (!rule_name_read(text, &port, names[i]))
			continue;
		if (clock_work_ns() - lookup->begun_work_ns > LOOKUP_NS_MAX) {
			lookup->is_in_doubt = true;
			break;
		}
		if (has_name(lookup, text, port) != TRI_YES) {
			if (*names[i] == '[' || claimed_port == SSH_PORT ||
			    has_name(lookup, text, claimed_port) != TRI_YES)
				continue;
			port = claimed_port;
		}
		/* What is resolved outlives this loop as the rule's own text. */
		error = add(host, lookup,
		            (struct known_host_name){
				    {(const uint8_t *)names[i] + (*names[i] == '['), strlen(text)},
				    port});
	}
	return error;
}

static bool certificate_is_good(struct bytes key, int64_t now_s) {
	struct public_key certificate;

	return public_key_parse(&certificate, key) == 0 && certificate.type->is_certificate &&
	       host_certificate_fault(&certificate, now_s) == NULL;
}

static bool hides_names(const struct lookup *lookup) {
	const struct known_hosts *index = lookup->input->index;

	return known_hosts_hides_names(index, lookup->key, lookup->resolved, lookup->n_resolved) ||
	       (lookup->is_certified && known_hosts_hides_principals(index, lookup->key));
}

/* Fills the names of the host with that key. */
static int look_up(struct host_names *host, struct lookup *lookup) {
	const struct destination_input *input = lookup->input;
	struct known_host found;
	int error;

	if (input->index == NULL || known_hosts_find(&found, input->index, lookup->key) < 0)
		return 0;
	lookup->begun_work_ns = clock_work_ns();
	lookup->is_revoked = found.is_revoked;
	lookup->is_certified = !found.is_revoked && certificate_is_good(lookup->key, input->now_s);
	note_known(lookup, &found);
	error = add_claimed(host, lookup);
	if (error == 0)
		error = add_read(host, lookup);
	if (error == 0)
		error = add_of_policy(host, lookup, input->policy);
	if (error == 0)
		error = add_of_policy(host, lookup, input->floor);
	if (lookup->known_by == 0 || !input->index_is_complete || lookup->is_in_doubt)
		host->more = MORE_NAMES_UNKNOWN;
	else if (lookup->has_many || hides_names(lookup))
		host->more = MORE_NAMES_HIDDEN;
	else
		host->more = MORE_NAMES_NONE;
	return error;
}

/* ---- the host that is logged in to ---- */

/* The one that is proved; else the one that the signed bytes name, or that is bound. */
static struct bytes host_key_of(const struct destination_input *input) {
	const struct session_hop *hop = session_login_hop(input->session);

	if (hop != NULL)
		return hop->host_key;
	return input->login != NULL ? input->login->host_key : (struct bytes){0};
}

static bool is_proved(const struct destination_input *input) {
	return input->meeting == MEETING_VERIFIED || input->meeting == MEETING_BOUND;
}

static enum tri is_known(const struct lookup *lookup) {
	if (lookup->input->index == NULL)
		return TRI_UNKNOWN;
	if (lookup->known_by != 0)
		return TRI_YES;
	return lookup->input->index_is_complete ? TRI_NO : TRI_UNKNOWN;
}

/* Whether the key is certainly not that of the host that the command line names: that one is looked
 * up by a name for which known_hosts has another key. A name that it does not have may be an alias,
 * which ssh's configuration resolves. */
static enum tri is_another_host(struct lookup *lookup, const struct ssh_argv *claim) {
	struct claimed_name names[SSH_ARGV_NAMES_MAX];
	size_t n_names = claimed_names(names, lookup->input, claim);
	enum tri is_another = TRI_UNKNOWN;

	for (size_t i = 0; i < n_names; i++) {
		struct claimed_name name = names[i];

		if (!name.is_looked_up)
			continue;
		switch (has_claimed_name(lookup, &name)) {
		case TRI_YES: return TRI_NO;
		case TRI_UNKNOWN: return TRI_UNKNOWN;
		case TRI_NO: break;
		}
		if (known_hosts_knows_name(lookup->input->index, names[i].host, names[i].port) ==
		    TRI_YES)
			is_another = TRI_YES;
	}
	return is_another;
}

static enum tri host_differs(struct lookup *lookup, const struct ssh_argv *claim) {
	switch (claim->state) {
	case SSH_ARGV_UNKNOWN: return TRI_UNKNOWN;
	case SSH_ARGV_OTHER:
	case SSH_ARGV_LOCAL:
	case SSH_ARGV_MASTER: return TRI_NO; /* it names none */
	case SSH_ARGV_HOST: break;
	}
	/* What is revoked has no names that could be compared. */
	if (lookup->input->index == NULL || lookup->is_revoked)
		return TRI_UNKNOWN;
	return is_another_host(lookup, claim);
}

static bool user_differs(const struct destination_input *input, const struct ssh_argv *claim) {
	const char *user = claim->state == SSH_ARGV_HOST ? claim->destination.user : NULL;

	return user != NULL && input->login != NULL && input->login->user.data != NULL &&
	       !bytes_equal_text(input->login->user, user);
}

/* A login on a connection without a bind. OpenSSH binds since it signs the host key, so that one
 * which has that and no bind comes from elsewhere, unless it is for the host that is named. */
static enum tri is_forwarded_unbound(const struct destination_input *input,
                                     const struct ssh_argv *claim, enum tri differs) {
	if (input->login == NULL)
		return TRI_UNKNOWN;
	switch (claim->state) {
	case SSH_ARGV_UNKNOWN: return TRI_UNKNOWN;
	case SSH_ARGV_OTHER:
	case SSH_ARGV_LOCAL:
	case SSH_ARGV_MASTER: return TRI_YES;
	case SSH_ARGV_HOST: break;
	}
	if (claim->takes_along)
		return TRI_YES;
	return input->login->hostbound && differs != TRI_NO && input->index != NULL ? TRI_YES
	                                                                            : TRI_UNKNOWN;
}

/* The only bind is for a login. A client far away, to which somebody has brought the socket, tells
 * of no more than that, so it is ours only where its host is the one that is named here. */
static enum tri is_forwarded_bound(const struct ssh_argv *claim, enum tri differs) {
	switch (claim->state) {
	case SSH_ARGV_UNKNOWN:
	case SSH_ARGV_OTHER: return TRI_UNKNOWN; /* socat, or a client that we do not know */
	case SSH_ARGV_LOCAL:
	case SSH_ARGV_MASTER: return TRI_YES; /* it has logged in before it took that name */
	case SSH_ARGV_HOST: break;
	}
	return differs;
}

static enum tri is_forwarded(const struct destination_input *input, const struct ssh_argv *claim,
                             enum tri differs) {
	switch (session_is_forwarded(input->session)) {
	case TRI_YES: return TRI_YES;
	case TRI_NO: return is_forwarded_bound(claim, differs);
	case TRI_UNKNOWN: break;
	}
	return is_forwarded_unbound(input, claim, differs);
}

/* Whether ssh's configuration, as we see it, may tell more of what is typed: also where the host is
 * known by that name, for ssh may be at another, and bring what is asked there. */
static bool may_be_alias(const struct lookup *lookup, const struct ssh_argv *claim) {
	const struct destination_input *input = lookup->input;
	const struct caller *caller = input->caller;

	return claim->state == SSH_ARGV_HOST && !claim->has_config && claim->host_name == NULL &&
	       claim->host_key_alias == NULL && input->alias == NULL && input->index != NULL &&
	       !lookup->is_revoked && session_is_forwarded(input->session) != TRI_YES &&
	       ((caller->apart | caller->apart_unknown) & APART_MNT) == 0;
}

/* What the command line says, where nothing is proved. */
static int set_claimed(struct destination *destination, const struct ssh_argv *claim) {
	const char *names[SSH_ARGV_NAMES_MAX];

	if (ssh_argv_names(names, claim) == 0)
		return 0;
	destination->evidence = DEST_EVIDENCE_COMMAND_LINE;
	destination->host.more = MORE_NAMES_NONE;
	return host_names_add(&destination->host, bytes_of_text(names[0]), claim->destination.port);
}

/* What nothing but a login has: a name and what is known of it. Takes the host over. */
static int set_login(struct destination *destination, const struct lookup *lookup,
                     struct host_names *host, const struct ssh_argv *claim, enum tri differs,
                     enum tri is_forwarded) {
	const struct destination_input *input = lookup->input;
	struct bytes user = input->login != NULL ? input->login->user : (struct bytes){0};
	int error = 0;

	destination->is_revoked = lookup->is_revoked;
	destination->is_known = lookup->key.len > 0 ? is_known(lookup) : TRI_UNKNOWN;
	if (is_proved(input)) {
		destination->host = *host;
		*host = (struct host_names){0};
		destination->known_by = lookup->known_by;
		destination->mismatch = user_differs(input, claim) ? TRI_YES : differs;
	} else if (is_forwarded != TRI_YES) {
		error = set_claimed(destination, claim);
	}
	return error < 0 ? error : destination_set_text(destination, user);
}

static int set_host(struct destination *destination, enum tri *ret_is_forwarded,
                    const struct destination_input *input, const struct ssh_argv *claim) {
	struct lookup lookup = {.input = input, .key = host_key_of(input), .claim = claim};
	CLEANUP(host_names_deinit) struct host_names host = {0};
	enum tri differs = TRI_UNKNOWN;
	int error = 0;

	if (lookup.key.len > 0) {
		error = look_up(&host, &lookup);
		differs = host_differs(&lookup, claim);
	}
	*ret_is_forwarded = is_forwarded(input, claim, differs);
	if (error == 0 && lookup.key.len > 0 && may_be_alias(&lookup, claim)) {
		destination->typed = strdup(claim->destination.host);
		error = destination->typed != NULL ? 0 : -ENOMEM;
	}
	if (error < 0 || !input->is_for_login)
		return error;
	return set_login(destination, &lookup, &host, claim, differs, *ret_is_forwarded);
}

/* ---- the hosts on the way ---- */

/* Where the first of them is, the command line says: it is that of the ssh which forwards. */
static int set_hops(struct destination *destination, const struct destination_input *input,
                    const struct ssh_argv *claim) {
	const struct session *session = input->session;
	int error = 0;

	destination->hops_known = !session->is_tainted;
	if (session->n_hops == 0)
		return 0;
	destination->hops = calloc(session->n_hops, sizeof(*destination->hops));
	if (destination->hops == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < session->n_hops && error == 0; i++) {
		struct lookup lookup = {.input = input,
		                        .key = session->hops[i]->host_key,
		                        .claim = i == 0 ? claim : NULL};

		if (session->hops[i]->is_forwarding)
			error = look_up(&destination->hops[destination->n_hops++], &lookup);
	}
	return error;
}

/* ---- all of it ---- */

static int fill(struct destination *destination, enum tri *ret_is_forwarded,
                const struct destination_input *input, const struct ssh_argv *claim) {
	int error = set_hops(destination, input, claim);

	*ret_is_forwarded = session_is_forwarded(input->session);
	/* What is no login has no host, and may come from far away all the same. */
	if (error == 0)
		error = set_host(destination, ret_is_forwarded, input, claim);
	return error < 0 ? error : destination_set_git(destination, claim);
}

/* Once more by what was accepted; what differs is in doubt. */
static int doubt(struct destination *destination, enum tri *is_forwarded,
                 const struct destination_input *input, const struct ssh_argv *claim) {
	CLEANUP(destination_deinit) struct destination then = {0};
	struct destination_input accepted = *input;
	enum tri was_forwarded;
	int error;

	accepted.index = input->accepted;
	error = fill(&then, &was_forwarded, &accepted, claim);
	if (error < 0)
		return error;
	*is_forwarded = forwarded_by_either(*is_forwarded, was_forwarded);
	return destination_doubt(destination, &then,
	                         input->login != NULL ? input->login->user : (struct bytes){0});
}

int destination_make(struct destination *ret, enum tri *ret_is_forwarded,
                     const struct destination_input *input) {
	CLEANUP(destination_deinit) struct destination destination = {0};
	CLEANUP(ssh_argv_deinit) struct ssh_argv claim = {0};
	int error = ssh_argv_of(&claim, &input->caller->process);

	if (error == 0)
		error = fill(&destination, ret_is_forwarded, input, &claim);
	destination.is_listed = destination.is_known;
	if (error == 0 && input->accepted != NULL)
		error = doubt(&destination, ret_is_forwarded, input, &claim);
	if (error < 0)
		return error;
	*ret = destination;
	destination = (struct destination){0};
	return 0;
}

bool destination_is_news(const struct destination *destination,
                         const struct destination_input *input) {
	return input->is_for_login && host_key_of(input).len > 0 &&
	       destination->is_listed != TRI_YES && !destination->is_revoked;
}
