#include "confirm/turns.h"

#include "policy/method_order.h"

const char *turn_lack_name(enum turn_lack lack) {
	switch (lack) {
	case LACK_NONE: return "none";
	case LACK_NOT_ENROLLED: return "not-enrolled";
	case LACK_NOT_PINNED: return "key-not-pinned";
	case LACK_PIN_LOCKED: return "pin-locked";
	case LACK_NO_PROGRAM: return "no-program";
	case LACK_AWAY: return "away";
	case LACK_NO_KEY: return "no-key";
	case LACK_KEY_REMOVED: return "key-removed";
	case LACK_KEY_UNUSABLE: return "key-unusable";
	case LACK_FAILED: return "failed";
	case LACK_INVALID: return "invalid";
	}
	return "invalid";
}

const char *turn_lack_text(enum turn_lack lack) {
	switch (lack) {
	case LACK_NONE: return "it can be used";
	case LACK_NOT_ENROLLED: return "nothing is enrolled for it";
	case LACK_NOT_PINNED: return "the system floor names other keys";
	case LACK_PIN_LOCKED: return "the PIN was wrong too often";
	case LACK_NO_PROGRAM: return "there is no program for it";
	case LACK_AWAY: return "nobody is at the screen";
	case LACK_NO_KEY: return "no key of yours is plugged in";
	case LACK_KEY_REMOVED: return "the key was pulled out";
	case LACK_KEY_UNUSABLE: return "a key is plugged in, and cannot be used";
	case LACK_FAILED: return "it has failed";
	case LACK_INVALID: return "what it answered is not good";
	}
	return "it cannot be used";
}

static bool is_of_use(const struct turn *turn) {
	return !turn->is_spent && turn->lack == LACK_NONE;
}

/* Stays with the one that asks, while that is of use. Else the next one behind it; else one before
 * it that is of use again; else the last one that may yet be. */
static void choose(struct turns *turns) {
	size_t chosen = turns->count;

	if (turns->asks < turns->count && is_of_use(&turns->list[turns->asks]))
		return;
	for (size_t i = 0; i < turns->count; i++)
		if (!turns->list[i].is_spent)
			chosen = i;
	for (size_t i = turns->count; i > 0; i--)
		if (is_of_use(&turns->list[i - 1]) && i - 1 < turns->asks)
			chosen = i - 1;
	for (size_t i = turns->count; i > 0; i--)
		if (is_of_use(&turns->list[i - 1]) && i - 1 > turns->asks)
			chosen = i - 1;
	for (size_t i = turns->asks; i < chosen; i++)
		turns->list[i].passed = turns->list[i].lack;
	turns->asks = chosen;
	if (chosen < turns->count && chosen >= turns->reached)
		turns->reached = chosen + 1;
}

static size_t place_of_bit(enum confirm_method method) {
	size_t i = 0;

	while (i + 1 < CONFIRM_METHOD_COUNT && 1U << i != (unsigned)method)
		i++;
	return i;
}

void turns_begin(struct turns *ret, unsigned methods, const struct confirm_order *order,
                 const struct turns_lacks *lacks) {
	enum confirm_method list[CONFIRM_METHOD_COUNT];

	*ret = (struct turns){.is_any = order->is_any};
	ret->count = method_order_list(list, methods, order);
	for (size_t i = 0; i < ret->count; i++) {
		enum turn_lack lack = lacks->of[place_of_bit(list[i])];

		ret->list[i] = (struct turn){list[i], lack, lack != LACK_NONE, lack};
	}
	/* From before the first one on. */
	ret->asks = ret->count;
	for (size_t i = ret->count; i > 0; i--)
		if (!ret->list[i - 1].is_spent)
			ret->asks = i - 1;
	ret->reached = ret->asks < ret->count ? ret->asks + 1 : ret->count;
}

enum confirm_method turns_asks(const struct turns *turns) {
	return turns->asks < turns->count ? turns->list[turns->asks].method
	                                  : (enum confirm_method)0;
}

static struct turn *find(struct turns *turns, enum confirm_method method, size_t *ret_place) {
	for (size_t i = 0; i < turns->count; i++)
		if (turns->list[i].method == method) {
			*ret_place = i;
			return &turns->list[i];
		}
	return NULL;
}

unsigned turns_answering(const struct turns *turns) {
	unsigned methods = 0;

	for (size_t i = 0; i < turns->count; i++)
		if (!turns->list[i].is_spent && (turns->is_any || i < turns->reached))
			methods |= (unsigned)turns->list[i].method;
	return methods;
}

bool turns_may_answer(const struct turns *turns, enum confirm_method method) {
	return (turns_answering(turns) & (unsigned)method) != 0;
}

static bool chosen_anew(struct turns *turns) {
	size_t before = turns->asks;

	choose(turns);
	return turns->asks != before;
}

bool turns_lack(struct turns *turns, enum confirm_method method, enum turn_lack lack) {
	size_t place;
	struct turn *turn = find(turns, method, &place);

	if (turn == NULL || turn->is_spent || !turns_may_answer(turns, method))
		return false;
	turn->lack = lack;
	return chosen_anew(turns);
}

bool turns_spend(struct turns *turns, enum confirm_method method, enum turn_lack lack) {
	size_t place;
	struct turn *turn = find(turns, method, &place);

	if (turn == NULL || turn->is_spent)
		return false;
	turn->lack = lack;
	turn->is_spent = true;
	return chosen_anew(turns);
}

bool turns_same(const struct turns *a, const struct turns *b) {
	if (a->count != b->count || a->is_any != b->is_any)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].method != b->list[i].method)
			return false;
	return true;
}

size_t turns_passed(struct confirm_passed ret[static CONFIRM_METHOD_COUNT],
                    const struct turns *turns, enum confirm_method meant) {
	size_t end = turns->asks, count = 0;

	/* Where each may answer at any time, nobody is passed over. */
	if (turns->is_any)
		return 0;
	for (size_t i = 0; meant != 0 && i < turns->count; i++)
		if (turns->list[i].method == meant)
			end = i;
	for (size_t i = 0; i < end; i++)
		if (turns->list[i].passed != LACK_NONE)
			ret[count++] = (struct confirm_passed){
				turns->list[i].method, turn_lack_name(turns->list[i].passed)};
	return count;
}

static void put(struct buffer *text, const char *words) {
	buffer_put_raw(text, bytes_of_text(words));
}

void turns_put_text(struct buffer *text, const struct turns *turns) {
	enum confirm_method asks = turns_asks(turns);

	if (turns->is_any) {
		put(text, "any of them");
		return;
	}
	put(text, asks != 0 ? confirm_method_name(asks) : "none is left");
	if (asks != 0 && confirm_method_is_weak(asks))
		put(text, " (weak)");
	for (size_t i = 0; i < turns->asks; i++) {
		const struct turn *turn = &turns->list[i];

		put(text, turn->lack != LACK_NONE ? "; not " : "; or again ");
		put(text, confirm_method_name(turn->method));
		if (turn->lack == LACK_NONE)
			continue;
		put(text, ": ");
		put(text, turn_lack_text(turn->lack));
	}
}
