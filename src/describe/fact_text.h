/* What the files behind fact.h share. */
#ifndef DESCRIBE_FACT_TEXT_H
#define DESCRIBE_FACT_TEXT_H

#include "describe/fact.h"

/* NULL is not known, "" is none. */
enum fact_state fact_put(struct buffer *text, const char *value);
enum fact_state fact_put_tri(struct buffer *text, enum tri tri);

typedef enum fact_state fact_getter(struct buffer *text, const struct request *request);

/* Where a login goes, and over which hosts. */
fact_getter fact_get_ssh_dest, fact_get_dest_key, fact_get_dest_evidence, fact_get_dest_mismatch,
	fact_get_is_in_known_hosts, fact_get_known_hosts, fact_get_git_operation, fact_get_git_repo,
	fact_get_is_forwarded, fact_get_hops, fact_get_forwarded_via;

#endif
