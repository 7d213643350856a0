#include "agent/asker_enrolled.h"

#include <string.h>

#include "agent/slots.h"
#include "agent/touching.h"
#include "base/cleanup.h"
#include "confirm/pin.h"

static bool ticket_use(struct asker *asker, const struct control_call *call, const char *nonce) {
	struct ticket_use use;
	bool fits = tickets_take(&use, &asker->tickets, call->writer, 0, bytes_of_text(nonce));

	if (fits)
		close_fd(&use.watch);
	return fits;
}

/* Cuts the word off that ends with the next tab; NULL: there is none. */
static char *cut_word(char **rest) {
	char *word = *rest;
	char *end = strchr(word, '\t');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return word;
}

enum control_result asker_enrolled_pin(struct asker *asker, const struct control_call *call,
                                       const char *words, struct buffer *answer) {
	/* The request is ours for the call, and is wiped after it: no PIN is copied out of it. */
	char *rest = (char *)(uintptr_t)words;
	const char *nonce = cut_word(&rest);
	const char *old_pin = nonce != NULL ? cut_word(&rest) : NULL;

	if (old_pin == NULL || !pin_is_fit(rest) || !ticket_use(asker, call, nonce))
		return control_failed(answer, "not a PIN of 4 to 64 characters");
	if (!call->is_locked)
		return control_failed(answer, "there is no memory that is never swapped");
	return control_later_unless(asker_enroll_pin(asker, old_pin, rest, call->id), answer);
}

static enum control_result remove_named(struct asker *asker, const struct control_call *call,
                                        char *rest, struct buffer *answer) {
	const char *name = cut_word(&rest);

	if (name == NULL || strlen(rest) > PIN_LEN_MAX)
		return control_failed(answer, "not the name of what is enrolled");
	if (otp_slots_named(&asker->slots->enrolled, name) == NULL)
		return control_later_unless(touching_remove(asker->touching, name, call->id),
		                            answer);
	if (*rest != '\0' && !call->is_locked)
		return control_failed(answer, "there is no memory that is never swapped");
	return control_later_unless(asker_change_slots(asker, name, 0, rest, "", call->id), answer);
}

enum control_result asker_enrolled_slot(struct asker *asker, const struct control_call *call,
                                        const char *words, struct buffer *answer) {
	/* The request is ours for the call, and is wiped after it. */
	char *rest = (char *)(uintptr_t)words;
	const char *nonce = cut_word(&rest);
	const char *name = nonce != NULL ? cut_word(&rest) : NULL;
	const char *slot = name != NULL ? cut_word(&rest) : NULL;
	const char *old_pin = slot != NULL ? cut_word(&rest) : NULL;

	if (old_pin == NULL || !ticket_use(asker, call, nonce))
		return control_failed(answer, "not an answer to what was asked");
	if ((slot[0] != '1' && slot[0] != '2') || slot[1] != '\0')
		return control_failed(answer, "a YubiKey has the slots 1 and 2");
	if (!key_name_is_fit(name))
		return control_failed(answer,
		                      "a name has 1 to 32 letters, digits, '.', '_' and '-'");
	if ((*rest != '\0' && !pin_is_fit(rest)) || strlen(old_pin) > PIN_LEN_MAX)
		return control_failed(answer, "not a PIN of 4 to 64 characters");
	if (!call->is_locked)
		return control_failed(answer, "there is no memory that is never swapped");
	return control_later_unless(
		asker_change_slots(asker, name, (uint8_t)(slot[0] - '0'), old_pin, rest, call->id),
		answer);
}

enum control_result asker_enrolled_keys(struct asker *asker, const struct control_call *call,
                                        const char *words, bool removes, struct buffer *answer) {
	/* The request is ours for the call, and is wiped after it. */
	char *rest = (char *)(uintptr_t)words;
	const char *nonce = cut_word(&rest), *name, *old_pin;

	if (nonce == NULL || !ticket_use(asker, call, nonce))
		return control_failed(answer, "not an answer to what was asked");
	if (removes)
		return remove_named(asker, call, rest, answer);
	name = cut_word(&rest);
	old_pin = name != NULL ? cut_word(&rest) : NULL;
	if (old_pin == NULL || !key_name_is_fit(name))
		return control_failed(answer,
		                      "a name has 1 to 32 letters, digits, '.', '_' and '-'");
	if (strlen(rest) > KEY_PIN_LEN_MAX)
		return control_failed(answer, "a security key's PIN has at most 63 bytes");
	if (!call->is_locked)
		return control_failed(answer, "there is no memory that is never swapped");
	return control_later_unless(asker_enroll_key(asker, name, old_pin, rest, call->id), answer);
}

enum control_result asker_enrolled_list(const struct asker *asker, struct buffer *answer) {
	if (asker->pin.hash[0] != '\0')
		buffer_put_raw(answer, bytes_of_text("pin: of this account (weak)\n"));
	touching_list(asker->touching, answer);
	slots_list(asker->slots, answer);
	return CONTROL_OK;
}

void asker_enrolled_letters(const struct asker *asker, struct buffer *answer) {
	const struct {
		bool is_there;
		const char *letter;
	} kinds[] = {
		{touching_has_keys(asker->touching), "k"},
		{asker->pin.hash[0] != '\0', "p"},
		{slots_can(asker->slots, OTP_TOUCH), "o"},
		{slots_can(asker->slots, OTP_PIN), "i"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].is_there)
			buffer_put_raw(answer, bytes_of_text(kinds[i].letter));
	buffer_put_raw(answer, bytes_of_text("-"));
}
