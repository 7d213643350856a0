/* Any bytes as what a guard says to the monitor, and keys between: no key is for a request that was
 * not chosen, no line is wider than its window, and a terminal obeys none. */
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

#include "log/display.h"
#include "monitor/page.h"

#define NOW_NS  (UINT64_C(100) * 1000 * 1000 * 1000)
#define WIDTHS  210
#define HEIGHTS 64

static void check(bool holds) {
	if (!holds)
		abort();
}

static void check_page(const struct model *model, size_t rows, size_t columns) {
	struct page page;

	check(page_compose(&page, model, rows, columns, NOW_NS) == 0);
	for (size_t i = 0; i < page.rows; i++) {
		struct bytes line = buffer_bytes(&page.lines[i].text);

		check(display_width(line) <= page.columns);
		for (size_t j = 0; j < line.len; j++)
			check(line.data[j] >= 0x20 && line.data[j] != 0x7f &&
			      (model->utf8 || line.data[j] < 0x7f));
	}
	page_deinit(&page);
}

/* The next part of the input: its length comes first. */
static struct bytes take(struct bytes *input) {
	size_t len = 0;
	struct bytes part;

	if (input->len >= 2)
		len = (size_t)input->data[0] << 8 | input->data[1];
	*input = input->len >= 2 ? (struct bytes){input->data + 2, input->len - 2}
	                         : (struct bytes){input->data, 0};
	part = (struct bytes){input->data, len < input->len ? len : input->len};
	*input = (struct bytes){input->data + part.len, input->len - part.len};
	return part;
}

/* A window that is large enough for all of it. */
static void see(struct model *model, uint64_t now_ns) {
	for (int pane = 0; pane < PANES; pane++)
		for (size_t i = 0; i < model->lists[pane].count; i++)
			model_was_drawn(model, (enum pane)pane, model->lists[pane].items[i].id,
			                now_ns);
}

static void check_key(struct model *model, uint8_t byte, uint64_t now_ns) {
	uint64_t chosen = model->chosen[PANE_WAITING], grant = model->chosen[PANE_GRANTS];
	struct act act = model_key(model, (enum key)(byte % (KEY_PRESSED_QUIT + 1)), now_ns);

	switch (act.kind) {
	case ACT_NONE:
	case ACT_QUIT:
	case ACT_REDRAW: check(act.id == 0); break;
	case ACT_ALLOW:
	case ACT_DENY: check(act.id != 0 && act.id == chosen); break;
	case ACT_REVOKE: check(act.id != 0 && act.id == grant); break;
	}
	if (act.kind == ACT_ALLOW)
		model_open_dialog(model, act.id);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	check(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	CLEANUP(model_deinit) struct model model = {.utf8 = len % 2 == 0};
	struct bytes input = {data, len};
	size_t width = len > 0 ? data[len - 1] % WIDTHS + 1 : 1;
	uint64_t now_ns = NOW_NS;

	for (int round = 0; round < 3; round++) {
		struct bytes keys;

		(void)!model_set_status(&model, take(&input));
		(void)!model_set_list(&model, PANE_WAITING, take(&input), now_ns);
		(void)!model_set_list(&model, PANE_GRANTS, take(&input), now_ns);
		if (round > 0)
			see(&model, now_ns);
		check(model_add_event(&model, take(&input)) == 0);
		now_ns += SETTLE_NS;
		keys = take(&input);
		for (size_t i = 0; i < keys.len && i < 16; i++)
			check_key(&model, keys.data[i], now_ns);
		check_page(&model, 24, width);
		check_page(&model, width % HEIGHTS, 80);
		model_dialog_text(&model, take(&input));
		if (model.dialog.stage == DIALOG_OPENING)
			model_dialog_asks(&model, take(&input));
		check_page(&model, width % HEIGHTS, width);
		if (model.dialog.stage != DIALOG_NONE && round == 1)
			model_close_dialog(&model, model_dialog_is_void(&model), now_ns);
		model_say(&model, "said: ", take(&input));
		check_page(&model, 10, 40);
	}
	return 0;
}
