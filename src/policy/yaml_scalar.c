/* What YAML readers take a plain text for. They disagree, so whatever any of them might take for
 * something else is not text here until it is quoted. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "policy/yaml_tree.h"

static bool is_one_of(const char *text, const char *const *words, size_t n_words) {
	for (size_t i = 0; i < n_words; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, ...)                                  \
	is_one_of((text), (const char *const[]){__VA_ARGS__}, \
	          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool is_only(const char *text, const char *accepted) {
	return *text != '\0' && text[strspn(text, accepted)] == '\0';
}

/* Decimal and sexagesimal numbers, fractions and exponents: 7, -1_000, 1.5e3, .5, 12:30. */
static bool is_decimal(const char *text) {
	size_t len = strspn(text, "0123456789_");
	bool digits = isdigit((unsigned char)text[0]) != 0;

	text += len;
	while (digits && text[0] == ':' && isdigit((unsigned char)text[1]))
		text += 1 + strspn(text + 1, "0123456789");
	if (text[0] == '.') {
		digits = digits || isdigit((unsigned char)text[1]);
		text += 1 + strspn(text + 1, "0123456789_");
	}
	if (digits && (text[0] == 'e' || text[0] == 'E')) {
		text++;
		if (text[0] == '+' || text[0] == '-')
			text++;
		return is_only(text, "0123456789");
	}
	return digits && text[0] == '\0';
}

static bool is_number(const char *text) {
	if (text[0] == '+' || text[0] == '-')
		text++;
	if (strncmp(text, "0x", 2) == 0)
		return is_only(text + 2, "0123456789abcdefABCDEF_");
	if (strncmp(text, "0o", 2) == 0)
		return is_only(text + 2, "01234567_");
	if (strncmp(text, "0b", 2) == 0)
		return is_only(text + 2, "01_");
	return is_decimal(text) || IS_ONE_OF(text, ".inf", ".nan");
}

enum yaml_scalar yaml_scalar(const struct yaml_node *node) {
	const char *text = node->text;

	if (!node->plain)
		return SCALAR_TEXT;
	if (*text == '\0' || IS_ONE_OF(text, "~", "null"))
		return SCALAR_NULL;
	if (IS_ONE_OF(text, "true", "yes", "on", "y"))
		return SCALAR_TRUE;
	if (IS_ONE_OF(text, "false", "no", "off", "n"))
		return SCALAR_FALSE;
	return is_number(text) ? SCALAR_NUMBER : SCALAR_TEXT;
}
