/*
 * The order of a list of methods by which a person may answer (confirm.methods): what a policy says
 * of it, and what comes of two policies that say different things. Pure.
 */
#ifndef POLICY_METHOD_ORDER_H
#define POLICY_METHOD_ORDER_H

#include <stddef.h>

#include "facts/confirm.h"

/* Behind what it has; a method that it has already stays where it is. */
void method_order_add(struct confirm_order *order, enum confirm_method method);

/* Those of the methods, from the first on. Returns how many there are. */
size_t method_order_list(enum confirm_method ret[static CONFIRM_METHOD_COUNT], unsigned methods,
                         const struct confirm_order *order);

/* Where both the user's policy and the floor have one: the floor's; but a strong method that comes
 * before a weak one in either of them does so. */
struct confirm_order method_order_of_both(const struct confirm_order *order,
                                          const struct confirm_order *floor);

/* The first weak one that a strong one stands behind; 0: there is none. */
enum confirm_method method_order_weak_first(unsigned methods, const struct confirm_order *order);

#endif
