/* The words of the fields that take words, by their bits in condition.wanted: see struct field. */
#ifndef POLICY_FIELD_WORD_H
#define POLICY_FIELD_WORD_H

typedef const char *field_word(unsigned value);

field_word word_of_boolean, word_of_caller_integrity, word_of_operation, word_of_sign_type,
	word_of_dest_evidence, word_of_hops, word_of_user_presence, word_of_known_hosts,
	word_of_git_operation;

#define GIT_OPERATION_WORDS 3

#endif
