#include "monitor/model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/plain.h"
#include "log/display.h"
#include "log/read.h"

#define DIALOG_TEXT_MAX ((size_t)64 * 1024) /* as the guard's answers */

void model_deinit(struct model *model) {
	for (int pane = 0; pane < PANES; pane++)
		listing_deinit(&model->lists[pane]);
	past_clear(&model->past);
	buffer_deinit(&model->absence);
	buffer_deinit(&model->status);
	buffer_deinit(&model->message);
	buffer_deinit(&model->dialog.text);
	*model = (struct model){0};
}

/* ---- what the guard says ---- */

static void forget_lists(struct model *model) {
	for (int pane = 0; pane < PANES; pane++) {
		listing_deinit(&model->lists[pane]);
		model->chosen[pane] = 0;
	}
}

static void field_text(struct buffer *text, struct bytes document, const char *name) {
	struct bytes field = event_field(document, name);

	if (field.len > 0 && field.data[0] != '"')
		buffer_put_raw(text, field);
	else if (field.len > 0 && event_text(text, field) < 0)
		buffer_clear(text);
}

/* Numbers of requests begin anew with each guard. */
static bool is_same_guard(struct bytes a, struct bytes b) {
	return bytes_equal(event_field(a, "pid"), event_field(b, "pid")) &&
	       bytes_equal(event_field(a, "since"), event_field(b, "since"));
}

int model_set_status(struct model *model, struct bytes document) {
	CLEANUP(buffer_deinit) struct buffer taken = {0};

	if (event_field(document, "state").len == 0 || event_field(document, "pid").len == 0)
		return -EBADMSG;
	buffer_put_raw(&taken, document);
	if (buffer_error(&taken) < 0)
		return buffer_error(&taken);
	if (!is_same_guard(buffer_bytes(&model->status), document))
		forget_lists(model);
	buffer_deinit(&model->status);
	model->status = taken;
	taken = (struct buffer){0};
	model->is_here = true;
	return 0;
}

int model_set_list(struct model *model, enum pane pane, struct bytes answer, uint64_t now_ns) {
	static const char *const words[PANES] = {"request", "grant"};
	struct listing *list = &model->lists[pane];
	struct listing fresh;
	int error = listing_read(&fresh, words[pane], answer, now_ns);

	if (error < 0)
		return error;
	listing_inherit(&fresh, list);
	listing_deinit(list);
	*list = fresh;
	if (listing_find(list, model->chosen[pane]) == NULL)
		model->chosen[pane] = 0;
	return 0;
}

void model_set_absent(struct model *model, const char *why) {
	model->is_here = false;
	forget_lists(model);
	buffer_deinit(&model->status);
	buffer_clear(&model->absence);
	plain_keep(&model->absence, bytes_of_text(why));
}

void model_was_drawn(struct model *model, enum pane pane, uint64_t id, uint64_t now_ns) {
	struct listing *list = &model->lists[pane];
	size_t at = listing_index(list, id);

	if (at < list->count && list->items[at].seen_ns == 0)
		list->items[at].seen_ns = now_ns;
}

int model_add_event(struct model *model, struct bytes document) {
	return past_add(&model->past, document);
}

void model_status_field(struct buffer *shown, const struct model *model, const char *name) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	field_text(&text, buffer_bytes(&model->status), name);
	display_put(shown, buffer_bytes(&text), model->utf8);
}

void model_say(struct model *model, const char *words, struct bytes text) {
	buffer_clear(&model->message);
	plain_keep(&model->message, bytes_of_text(words));
	plain_keep(&model->message, text);
}

bool model_counts(const struct model *model) {
	return model->lists[PANE_WAITING].count + model->lists[PANE_GRANTS].count > 0;
}

/* ---- keys ---- */

static void say(struct model *model, const char *words) {
	model_say(model, words, (struct bytes){0});
}

/* Up from nothing is the last one, down the first. */
static void move(struct model *model, bool down) {
	const struct listing *list = &model->lists[model->pane];
	size_t at = listing_index(list, model->chosen[model->pane]);

	if (list->count == 0) {
		say(model, model->pane == PANE_WAITING ? "nothing waits" : "there is no grant");
		return;
	}
	if (at == list->count)
		at = down ? 0 : list->count - 1;
	else if (down)
		at += at + 1 < list->count;
	else
		at -= at > 0;
	model->chosen[model->pane] = list->items[at].id;
}

static struct act act_on(struct model *model, enum pane pane, enum act_kind kind, uint64_t now_ns) {
	const struct listed *item = listing_find(&model->lists[pane], model->chosen[pane]);

	if (model->pane != pane || item == NULL) {
		say(model, pane == PANE_WAITING
		                   ? "choose a request first, with the arrow keys (Tab: other list)"
		                   : "choose a grant first, with the arrow keys (Tab: other list)");
		return (struct act){ACT_NONE, 0};
	}
	if (item->seen_ns == 0 || now_ns - item->seen_ns < SETTLE_NS) {
		say(model, "this one has only just come: look at it, and press the key again");
		return (struct act){ACT_NONE, 0};
	}
	if (kind == ACT_ALLOW && model->dialog.stage != DIALOG_NONE) {
		say(model, "another request is being answered");
		return (struct act){ACT_NONE, 0};
	}
	return (struct act){kind, item->id};
}

/* While something lies over all else. false: nothing does. */
static bool key_above(struct model *model, enum key key, uint64_t now_ns) {
	if (model->dialog.stage == DIALOG_OVER) {
		/* A PIN that is typed to its end must not do anything. */
		if (key == KEY_PRESSED_ENTER && now_ns - model->dialog.over_ns >= SETTLE_NS) {
			model->dialog.stage = DIALOG_NONE;
			buffer_clear(&model->dialog.text);
		}
		return true;
	}
	if (!model->shows_help)
		return false;
	model->shows_help = false;
	return true;
}

struct act model_key(struct model *model, enum key key, uint64_t now_ns) {
	const struct act nothing = {ACT_NONE, 0};

	if (key_above(model, key, now_ns))
		return nothing;
	buffer_clear(&model->message);
	switch (key) {
	case KEY_NONE:
	case KEY_PRESSED_ENTER: return nothing;
	case KEY_PRESSED_UP: move(model, false); return nothing;
	case KEY_PRESSED_DOWN: move(model, true); return nothing;
	case KEY_PRESSED_TAB:
		model->pane = model->pane == PANE_WAITING ? PANE_GRANTS : PANE_WAITING;
		return nothing;
	case KEY_PRESSED_ALLOW: return act_on(model, PANE_WAITING, ACT_ALLOW, now_ns);
	case KEY_PRESSED_DENY: return act_on(model, PANE_WAITING, ACT_DENY, now_ns);
	case KEY_PRESSED_REVOKE: return act_on(model, PANE_GRANTS, ACT_REVOKE, now_ns);
	case KEY_PRESSED_HELP: model->shows_help = true; return nothing;
	case KEY_PRESSED_REDRAW: return (struct act){ACT_REDRAW, 0};
	case KEY_PRESSED_QUIT: return (struct act){ACT_QUIT, 0};
	}
	return nothing;
}

/* ---- the dialog ---- */

void model_open_dialog(struct model *model, uint64_t id) {
	buffer_clear(&model->dialog.text);
	model->dialog.asked_len = 0;
	model->dialog.stage = DIALOG_OPENING;
	model->dialog.id = id;
}

void model_dialog_text(struct model *model, struct bytes text) {
	struct buffer *shown = &model->dialog.text;

	while (shown->len < DIALOG_TEXT_MAX && text.len > 0) {
		const uint8_t *newline = memchr(text.data, '\n', text.len);
		size_t len = newline != NULL ? (size_t)(newline - text.data) : text.len;

		plain_keep(shown, (struct bytes){text.data, len});
		if (newline != NULL)
			buffer_put_u8(shown, '\n');
		len += newline != NULL;
		text = (struct bytes){text.data + len, text.len - len};
	}
}

void model_dialog_asks(struct model *model, struct bytes question) {
	model_dialog_text(model, question);
	model->dialog.asked_len = model->dialog.text.len;
	model->dialog.stage = DIALOG_ASKING;
}

void model_dialog_is_sent(struct model *model) {
	model->dialog.stage = DIALOG_SENT;
}

bool model_dialog_is_void(const struct model *model) {
	return (model->dialog.stage == DIALOG_OPENING || model->dialog.stage == DIALOG_ASKING) &&
	       listing_find(&model->lists[PANE_WAITING], model->dialog.id) == NULL;
}

static struct bytes without(struct bytes text, const char *words) {
	size_t len = strlen(words);

	if (text.len < len || memcmp(text.data, words, len) != 0)
		return text;
	return (struct bytes){text.data + len, text.len - len};
}

struct bytes model_dialog_words(const struct model *model) {
	const struct dialog *dialog = &model->dialog;
	struct bytes text = buffer_bytes(&dialog->text), line, last = {0};

	if (dialog->asked_len > 0)
		text = (struct bytes){text.data + dialog->asked_len, text.len - dialog->asked_len};
	while (text_line(&line, &text))
		if (line.len > 0)
			last = line;
	/* Who speaks here is clear. */
	return without(without(last, "ssh-agent-guard: "), "confirm: ");
}

void model_close_dialog(struct model *model, bool is_void, uint64_t now_ns) {
	struct dialog *dialog = &model->dialog;

	if (is_void) {
		dialog->stage = DIALOG_OVER;
		dialog->over_ns = now_ns;
	} else {
		model_say(model, "", model_dialog_words(model));
		dialog->stage = DIALOG_NONE;
	}
	buffer_clear(&dialog->text);
	dialog->asked_len = 0;
}
