/*
 * One YAML document while it is written: a mapping between "---" and "...".
 *
 * Every text is escaped (log/escape.h) and double-quoted, so that `no`, `~`, `1e3` or a date come
 * back as text from any reader; numbers and yes/no facts are plain. The document is ASCII with one
 * line for each field, whatever is in it: no terminal that it is shown on sees an escape sequence
 * or a change of writing direction, and a line "..." is the end of a document and nothing else.
 *
 * It is written here and not by libyaml's emitter, which takes 45 us for an ordinary event where
 * this takes 10, with 68 us to spend on all of a signature. So little of YAML is needed for it,
 * quoted text and brackets, that this is no loss. The tests read everything back, with libyaml and
 * with a reader that is not libyaml.
 *
 * The first failure sticks, so that a writer is checked once, by doc_finish().
 */
#ifndef LOG_DOC_H
#define LOG_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/cleanup.h"

#define DOC_BEGIN "---\n"
#define DOC_END   "...\n"

#define SHORTENED_MAX 24 /* fields of a document that can be shortened: there are fewer */
#define DOC_DEPTH_MAX 4  /* the document, a list in it, a mapping in that, and one to spare */

enum doc_style {
	DOC_BLOCK, /* a line for each element, of which there must be one; in the document only */
	DOC_FLOW,  /* all on one line */
};

struct doc {
	struct buffer *target; /* borrowed */
	size_t target_len;     /* before the document */
	int target_error;
	struct buffer escaped; /* the value at hand */
	struct {
		enum doc_style style;
		bool list;
		bool begun; /* has an element */
	} levels[DOC_DEPTH_MAX];
	size_t depth;
	bool after_key;
	bool by_lines; /* read line by line: doc_guard_lines() */
	struct {
		const char *field;
		uint64_t len;
	} shortened[SHORTENED_MAX];
	size_t n_shortened;
};

/* target must outlive the document. Each doc_begin() needs its doc_deinit(). */
void doc_begin(struct doc *doc, struct buffer *target);
void doc_deinit(struct doc *doc);

/* From here on no text has a word in it that a reader who goes by lines, and knows no YAML, could
 * take for a decision, a time or a method: such a word's colon is written as YAML's escape of it. */
void doc_guard_lines(struct doc *doc);

/* Names what was shortened, and ends the document. -ENOMEM or -EMSGSIZE: *target is then as it was
 * before doc_begin(). */
int doc_finish(struct doc *doc) MUST_CHECK;

/* One field. Keys are ours: plain lower-case words. A NULL text is left out. */
void doc_text(struct doc *doc, const char *key, const char *text, size_t len_max);
void doc_number(struct doc *doc, const char *key, uint64_t number);
void doc_bool(struct doc *doc, const char *key, bool yes);

/* Lists and mappings as a field's value, or as an element of a list, which has no key. */
void doc_key(struct doc *doc, const char *key);
/* A name that is not ours, of letters, digits and '_' alone; "no" is one, and not a word of YAML.
 */
void doc_quoted_key(struct doc *doc, struct bytes name);
void doc_list_begin(struct doc *doc, enum doc_style style);
void doc_list_end(struct doc *doc);
void doc_map_begin(struct doc *doc);
/* With a line for each field, of which there must be one: for readers that go by lines. As the
 * value of one of the document's fields only. */
void doc_map_begin_block(struct doc *doc);
void doc_map_end(struct doc *doc);

/* A word without quotes. It is ours, and nothing that YAML takes for anything but text. */
void doc_word(struct doc *doc, const char *key, const char *word);
/* A value as it stands in another of our documents; all of their texts are quoted. */
void doc_written(struct doc *doc, struct bytes value);

/* A text as such a value. Returns how many bytes of it were written: as many whole characters as
 * fit into len_max. */
size_t doc_value(struct doc *doc, struct bytes text, size_t len_max);

/* Says that the field is not whole: it had len bytes. */
void doc_shortened(struct doc *doc, const char *field, uint64_t len);

#endif
