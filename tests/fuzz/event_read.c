/* Any bytes as an event that is read back: a file of the log is as much in a stranger's hands as a
 * message is. What is taken for a text must be written again as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log/chain.h"
#include "log/doc.h"
#include "log/read.h"

static void check_text(struct bytes field) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(buffer_deinit) struct buffer again = {0};
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(doc_deinit) struct doc doc = {0};

	if (event_text(&text, field) < 0)
		return;
	doc_begin(&doc, &document);
	doc_key(&doc, "detail");
	if (doc_value(&doc, buffer_bytes(&text), SIZE_MAX) != text.len || doc_finish(&doc) < 0 ||
	    event_text(&again, event_field(buffer_bytes(&document), "detail")) < 0 ||
	    !bytes_equal(buffer_bytes(&text), buffer_bytes(&again)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct bytes document = {data, len};
	struct chain_link link = {0};

	if (chain_link_read(&link, document) == 0 && link.seq == 0)
		abort();
	check_text(event_field(document, "timestamp"));
	check_text(event_field(document, "detail"));
	check_text(event_field(document, "exe_path"));
	check_text(document);
	return 0;
}
