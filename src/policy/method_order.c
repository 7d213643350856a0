#include "policy/method_order.h"

/* The stronger ones first: what is proved, what takes a device and a touch, what takes a device. */
static const enum confirm_method by_strength[CONFIRM_METHOD_COUNT] = {
	CONFIRM_TOUCH, CONFIRM_OTP, CONFIRM_OTP_PIN, CONFIRM_PIN, CONFIRM_ASKPASS};

void method_order_add(struct confirm_order *order, enum confirm_method method) {
	size_t i = 0;

	while (i < CONFIRM_METHOD_COUNT && order->methods[i] != 0) {
		if (order->methods[i] == (uint8_t)method)
			return;
		i++;
	}
	if (i < CONFIRM_METHOD_COUNT)
		order->methods[i] = (uint8_t)method;
}

size_t method_order_list(enum confirm_method ret[static CONFIRM_METHOD_COUNT], unsigned methods,
                         const struct confirm_order *order) {
	struct confirm_order whole = *order;
	size_t count = 0;

	for (size_t i = 0; i < CONFIRM_METHOD_COUNT; i++)
		method_order_add(&whole, by_strength[i]);
	for (size_t i = 0; i < CONFIRM_METHOD_COUNT; i++)
		if ((methods & whole.methods[i]) != 0)
			ret[count++] = (enum confirm_method)whole.methods[i];
	return count;
}

static bool comes_before(const enum confirm_method list[static CONFIRM_METHOD_COUNT],
                         enum confirm_method a, enum confirm_method b) {
	size_t i = 0;

	while (i < CONFIRM_METHOD_COUNT && list[i] != a && list[i] != b)
		i++;
	return i < CONFIRM_METHOD_COUNT && list[i] == a;
}

struct confirm_order method_order_of_both(const struct confirm_order *order,
                                          const struct confirm_order *floor) {
	enum confirm_method mine[CONFIRM_METHOD_COUNT], its[CONFIRM_METHOD_COUNT];
	struct confirm_order both = {0};

	if (order->is_any || floor->is_any)
		return order->is_any ? *floor : *order;
	method_order_list(mine, CONFIRM_METHODS_ALL, order);
	method_order_list(its, CONFIRM_METHODS_ALL, floor);
	for (size_t i = 0; i < CONFIRM_METHOD_COUNT; i++) {
		for (size_t j = 0; confirm_method_is_weak(its[i]) && j < CONFIRM_METHOD_COUNT; j++)
			if (!confirm_method_is_weak(mine[j]) && comes_before(mine, mine[j], its[i]))
				method_order_add(&both, mine[j]);
		method_order_add(&both, its[i]);
	}
	return both;
}

enum confirm_method method_order_weak_first(unsigned methods, const struct confirm_order *order) {
	enum confirm_method list[CONFIRM_METHOD_COUNT];
	size_t count = order->is_any ? 0 : method_order_list(list, methods, order);

	for (size_t i = 1; i < count; i++)
		if (!confirm_method_is_weak(list[i]) && confirm_method_is_weak(list[0]))
			return list[0];
	return (enum confirm_method)0;
}
