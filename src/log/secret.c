#include "log/secret.h"

#include <stddef.h>
#include <string.h>

#define NAME_SIZE      256 /* nobody calls a variable that */
#define RANDOM_LEN_MIN 32  /* 16 bytes in hexadecimal */

/* SSH_AUTH_SOCK and XDG_SESSION_ID are none of them, so that neither AUTH nor SESSION stands here.
 */
static bool is_secret_name(struct bytes name) {
	static const char *const parts[] = {
		"TOKEN", "SECRET",     "PASSW",   "PASSPHRASE", "KEY",
		"PWD_",  "CREDENTIAL", "PRIVATE", "COOKIE",     "_PAT",
	};

	char text[NAME_SIZE];

	if (name.len >= sizeof(text))
		return true;
	if (name.len > 0)
		memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(text, parts[i]) != NULL)
			return true;
	return false;
}

size_t secret_mark_len(struct bytes text) {
	static const char *const beginnings[] = {
		"sk-",  "ghp_",  "gho_",  "ghu_",  "ghs_", "ghr_", "github_pat_", "glpat-",
		"AKIA", "xoxb-", "xoxp-", "xoxa-", "eyJ",  "AIza", "npm_",        "hf_",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		size_t len = 0;

		while (beginnings[i][len] != '\0' && len < text.len &&
		       text.data[len] == (uint8_t)beginnings[i][len])
			len++;
		if (beginnings[i][len] == '\0')
			return len;
	}
	return 0;
}

static bool has_secret_mark(const char *value) {
	return secret_mark_len(bytes_of_text(value)) > 0 || strstr(value, "-----BEGIN ") != NULL;
}

/* scheme://user:password@host */
static bool has_password(const char *value) {
	const char *authority = strstr(value, "://");
	size_t len;

	if (authority == NULL)
		return false;
	authority += strlen("://");
	len = strcspn(authority, "/?# ");
	return memchr(authority, '@', len) != NULL && memchr(authority, ':', len) != NULL;
}

/* Base64 and hexadecimal. A '/' is left out, of which paths are full, and so is '-', of UUIDs. */
static bool has_random_row(const char *value) {
	size_t len = 0, digits = 0, letters = 0;

	for (;; value++) {
		char c = *value;
		bool digit = c >= '0' && c <= '9';
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (digit || letter || c == '+' || c == '=' || c == '_') {
			len++;
			digits += digit;
			letters += letter;
			continue;
		}
		if (len >= RANDOM_LEN_MIN && digits > 0 && letters > 0)
			return true;
		if (c == '\0')
			return false;
		len = digits = letters = 0;
	}
}

bool looks_secret(struct bytes name, const char *value) {
	return is_secret_name(name) || has_secret_mark(value) || has_password(value) ||
	       has_random_row(value);
}
