/* In which order methods are tried, as files have it and as it is written out again. */
#include "fixture.h"

#include "policy/method_order.h"
#include "policy/show.h"

/* "touch pin" */
static const char *listed(unsigned methods, const struct confirm_order *order) {
	static char text[128];
	enum confirm_method list[CONFIRM_METHOD_COUNT];
	size_t count = method_order_list(list, methods, order), len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? " " : "",
		                        confirm_method_name(list[i]));
	return text;
}

static struct confirm_order order_of(const char *list) {
	char text[256];

	snprintf(text, sizeof(text), "default_action: deny\nconfirm: {methods: %s}\n", list);
	CLEANUP(free_policy) struct policy *policy = must_parse(text);

	return policy_confirm(policy)->order;
}

static void the_order_is_that_of_the_file(void **state) {
	static const struct {
		const char *list, *order;
	} rows[] = {
		{"[touch, pin]", "touch pin"},
		{"[pin, touch]", "pin touch"},
		{"[askpass, pin, otp-pin, otp, touch]", "askpass pin otp-pin otp touch"},
		{"[pin, touch, pin, pin]", "pin touch"},
		{"pin", "pin"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
		         "default_action: deny\nconfirm: {methods: %s}\n"
		         "rules: [{name: a, match: {}, action: confirm, confirm: %s},\n"
		         "{name: b, match: {key: SHA256:a}, action: confirm, confirm: {method: %s}}]"
		         "\n",
		         rows[i].list, rows[i].list, rows[i].list);
		CLEANUP(free_policy) struct policy *policy = must_parse(text);
		struct confirm_terms a = policy_confirm_terms(policy, "a");
		struct confirm_terms b = policy_confirm_terms(policy, "b");

		assert_string_equal(listed(policy_confirm(policy)->methods,
		                           &policy_confirm(policy)->order),
		                    rows[i].order);
		assert_string_equal(listed(a.methods, &a.order), rows[i].order);
		assert_string_equal(listed(b.methods, &b.order), rows[i].order);
		assert_false(b.order.is_any);
	}
}

static void without_a_word_the_stronger_ones_come_first(void **state) {
	CLEANUP(free_policy) struct policy *silent = must_parse("default_action: confirm\n");
	CLEANUP(free_policy) struct policy *older = must_parse("version: 0\n");
	struct confirm_order some = {.methods = {CONFIRM_PIN}};

	(void)state;
	assert_string_equal(
		listed(policy_confirm(silent)->methods, &policy_confirm(silent)->order),
		"touch pin");
	assert_string_equal(listed(policy_confirm(older)->methods, &policy_confirm(older)->order),
	                    "touch otp otp-pin pin");
	assert_string_equal(listed(CONFIRM_METHODS_ALL, &some), "pin touch otp otp-pin askpass");
	assert_string_equal(listed(0, &some), "");
}

/* Nor has a file of version 0 that says nothing of it: there they stood side by side. */
static void auto_has_no_order(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse("default_action: deny\nconfirm: {methods: auto}\n");
	CLEANUP(free_policy) struct policy *older = must_parse("version: 0\n");
	CLEANUP(free_policy)
	struct policy *told = must_parse("version: 0\nconfirm: {methods: [otp-pin, otp]}\n");

	(void)state;
	assert_true(policy_confirm(policy)->order.is_any);
	assert_true(policy_confirm(older)->order.is_any);
	assert_false(policy_confirm(told)->order.is_any);
	assert_string_equal(listed(policy_confirm(told)->methods, &policy_confirm(told)->order),
	                    "otp-pin otp");
}

static void a_policy_is_written_in_the_order_of_its_file(void **state) {
	CLEANUP(free_policy)
	struct policy *policy = must_parse(
		"default_action: deny\nconfirm: {methods: [askpass, touch, pin]}\n"
		"rules: [{match: {}, action: confirm, confirm: {method: [pin, otp, touch]}}]\n");
	CLEANUP(buffer_deinit) struct buffer yaml = {0};

	(void)state;
	policy_show(&yaml, policy);
	buffer_put_u8(&yaml, 0);
	assert_int_equal(buffer_error(&yaml), 0);
	assert_non_null(strstr((const char *)yaml.data, "methods: [askpass, touch, pin]\n"));
	assert_non_null(strstr((const char *)yaml.data, "method: [pin, otp, touch]\n"));
}

/* No policy of a user's puts a weak method before the floor's strong one, or the other way. */
static void of_two_orders_a_strong_one_that_comes_first_stays_first(void **state) {
	static const struct {
		const char *users, *floors, *both;
	} rows[] = {
		{"[pin, touch]", "[touch, pin]", "touch pin"},
		{"[touch, pin]", "[pin, touch]", "touch pin"},
		{"[pin, touch]", "[pin, touch]", "pin touch"},
		{"[pin, touch, otp]", "[pin, otp, touch]", "pin touch otp"},
		{"[otp, pin, touch]", "[pin, otp, touch]", "pin otp touch"},
		{"[otp, pin]", "[pin, otp]", "pin otp"},
		{"auto", "[pin, otp]", "pin otp"},
		{"[pin, touch]", "auto", "pin touch"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct confirm_order mine = order_of(rows[i].users), its = order_of(rows[i].floors);
		struct confirm_order both = method_order_of_both(&mine, &its);
		unsigned methods = CONFIRM_PIN;

		if (strstr(rows[i].both, "touch") != NULL)
			methods |= CONFIRM_TOUCH;
		if (strstr(rows[i].both, "otp") != NULL)
			methods |= CONFIRM_OTP;
		assert_false(both.is_any);
		assert_string_equal(listed(methods, &both), rows[i].both);
	}
	struct confirm_order free_one = order_of("auto");
	assert_true(method_order_of_both(&free_one, &free_one).is_any);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_is_that_of_the_file),
		cmocka_unit_test(without_a_word_the_stronger_ones_come_first),
		cmocka_unit_test(auto_has_no_order),
		cmocka_unit_test(a_policy_is_written_in_the_order_of_its_file),
		cmocka_unit_test(of_two_orders_a_strong_one_that_comes_first_stays_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
