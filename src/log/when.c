#include "log/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define SECOND_US     1000000LL
#define MINUTE_US     (60 * SECOND_US)
#define AGO_COUNT_MAX 1000000 /* of weeks, 19,000 years: far before any log, and no overflow */
#define DIGITS_MAX    7       /* of such a count */
#define REAL_US_MIN   (-62135596800LL * SECOND_US)     /* 0001-01-01 */
#define REAL_US_MAX   (253402300800LL * SECOND_US - 1) /* the end of 9999 */

/* What is left to read. A failed step leaves it as it was. */
struct text {
	const char *at, *end;
};

struct moment {
	struct tm tm;
	int64_t fraction_us;
	int64_t length_us; /* of what was named: a minute, a second, a microsecond */
	bool has_zone;
	int64_t zone_s; /* east of UTC */
};

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static bool take(struct text *text, char c) {
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

static bool take_word(struct text *text, const char *word) {
	size_t len = strlen(word);

	if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len) != 0)
		return false;
	text->at += len;
	return true;
}

static bool take_digits(int *ret, struct text *text, int n_digits) {
	int number = 0;

	if (text->end - text->at < n_digits)
		return false;
	for (int i = 0; i < n_digits; i++) {
		if (!is_digit(text->at[i]))
			return false;
		number = number * 10 + (text->at[i] - '0');
	}
	text->at += n_digits;
	*ret = number;
	return true;
}

static int days_of_month(int year, int month) {
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool take_date(struct moment *moment, struct text *text) {
	struct text rest = *text;
	int year, month, day;

	if (!take_digits(&year, &rest, 4) || !take(&rest, '-') || !take_digits(&month, &rest, 2) ||
	    !take(&rest, '-') || !take_digits(&day, &rest, 2))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	moment->tm.tm_year = year - 1900;
	moment->tm.tm_mon = month - 1;
	moment->tm.tm_mday = day;
	*text = rest;
	return true;
}

/* Digits behind a point; what is finer than a microsecond is dropped. */
static bool take_fraction(struct moment *moment, struct text *text) {
	int64_t unit_us = SECOND_US / 10;

	if (text->at == text->end || !is_digit(*text->at))
		return false;
	for (; text->at < text->end && is_digit(*text->at); text->at++) {
		moment->fraction_us += (*text->at - '0') * unit_us;
		unit_us /= 10;
	}
	moment->length_us = 1;
	return true;
}

static bool take_time(struct moment *moment, struct text *text) {
	struct text rest = *text;
	int hour, minute, second = 0;

	if (!take_digits(&hour, &rest, 2) || !take(&rest, ':') || !take_digits(&minute, &rest, 2))
		return false;
	moment->length_us = MINUTE_US;
	if (take(&rest, ':')) {
		if (!take_digits(&second, &rest, 2))
			return false;
		moment->length_us = SECOND_US;
		if (take(&rest, '.') && !take_fraction(moment, &rest))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
		return false;
	moment->tm.tm_hour = hour;
	moment->tm.tm_min = minute;
	moment->tm.tm_sec = second;
	*text = rest;
	return true;
}

static bool take_zone(struct moment *moment, struct text *text) {
	struct text rest = *text;
	int hours = 0, minutes = 0;
	bool west = false;

	if (!take(&rest, 'Z') && !take(&rest, 'z')) {
		west = take(&rest, '-');
		if ((!west && !take(&rest, '+')) || !take_digits(&hours, &rest, 2) ||
		    !take(&rest, ':') || !take_digits(&minutes, &rest, 2) || hours > 23 ||
		    minutes > 59)
			return false;
	}
	moment->has_zone = true;
	moment->zone_s = (west ? -60 : 60) * (hours * 60 + minutes);
	*text = rest;
	return true;
}

static bool local_seconds(time_t *ret, struct tm tm) {
	tm.tm_isdst = -1;
	tm.tm_wday = -1; /* mktime() sets it unless it fails; -1 is also a second of 1969 */
	*ret = mktime(&tm);
	return tm.tm_wday != -1;
}

static int moment_us(int64_t *ret, const struct moment *moment) {
	struct tm tm = moment->tm;
	time_t seconds = 0;

	if (moment->has_zone)
		seconds = timegm(&tm) - (time_t)moment->zone_s;
	else if (!local_seconds(&seconds, tm))
		return -EINVAL;
	*ret = (int64_t)seconds * SECOND_US + moment->fraction_us;
	return 0;
}

/* The local day of the moment, which begins and ends at midnight, however long it is. */
static int whole_day(struct when *ret, const struct moment *moment) {
	struct tm next = moment->tm;
	time_t first = 0, after = 0;

	next.tm_mday++;
	if (!local_seconds(&first, moment->tm) || !local_seconds(&after, next))
		return -EINVAL;
	*ret = (struct when){first * SECOND_US, after * SECOND_US - 1};
	return 0;
}

static int local_day(struct moment *moment, int64_t now_us, int days_before) {
	time_t seconds = (time_t)(now_us / SECOND_US);
	struct tm now;

	if (localtime_r(&seconds, &now) == NULL)
		return -EINVAL;
	moment->tm = (struct tm){
		.tm_year = now.tm_year, .tm_mon = now.tm_mon, .tm_mday = now.tm_mday - days_before};
	return 0;
}

static int parse_moment(struct when *ret, struct text text, int64_t now_us) {
	struct moment moment = {0};
	bool has_date = take_date(&moment, &text);

	if (has_date && text.at == text.end)
		return whole_day(ret, &moment);
	if (has_date && !take(&text, 'T') && !take(&text, 't') && !take(&text, ' '))
		return -EINVAL;
	if (!has_date && local_day(&moment, now_us, 0) < 0)
		return -EINVAL;
	if (!take_time(&moment, &text) ||
	    (has_date && text.at < text.end && !take_zone(&moment, &text)))
		return -EINVAL;
	if (text.at < text.end || moment_us(&ret->first_us, &moment) < 0)
		return -EINVAL;
	ret->last_us = ret->first_us + moment.length_us - 1;
	return 0;
}

/* Longer words before those that they begin with. */
static bool take_unit(int64_t *ret_us, struct text *text) {
	static const struct {
		const char *word;
		int64_t us;
	} units[] = {
		{"seconds", SECOND_US},       {"second", SECOND_US},
		{"sec", SECOND_US},           {"s", SECOND_US},
		{"minutes", MINUTE_US},       {"minute", MINUTE_US},
		{"min", MINUTE_US},           {"m", MINUTE_US},
		{"hours", 60 * MINUTE_US},    {"hour", 60 * MINUTE_US},
		{"h", 60 * MINUTE_US},        {"days", 1440 * MINUTE_US},
		{"day", 1440 * MINUTE_US},    {"d", 1440 * MINUTE_US},
		{"weeks", 10080 * MINUTE_US}, {"week", 10080 * MINUTE_US},
		{"w", 10080 * MINUTE_US},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (take_word(text, units[i].word)) {
			*ret_us = units[i].us;
			return true;
		}
	return false;
}

static int parse_ago(struct when *ret, struct text text, int64_t now_us) {
	int64_t count = 0, unit_us;
	int n_digits = 0;

	for (; text.at < text.end && is_digit(*text.at); text.at++) {
		if (++n_digits > DIGITS_MAX)
			return -EINVAL;
		count = count * 10 + (*text.at - '0');
	}
	take(&text, ' ');
	if (n_digits == 0 || count > AGO_COUNT_MAX || !take_unit(&unit_us, &text))
		return -EINVAL;
	take_word(&text, " ago");
	if (text.at < text.end)
		return -EINVAL;
	ret->first_us = ret->last_us = now_us - count * unit_us;
	return 0;
}

static int parse_word(struct when *ret, const char *word, int64_t now_us) {
	struct moment moment = {0};
	bool yesterday = strcmp(word, "yesterday") == 0;

	if (strcmp(word, "now") == 0) {
		*ret = (struct when){now_us, now_us};
		return 0;
	}
	if (!yesterday && strcmp(word, "today") != 0)
		return -EINVAL;
	return local_day(&moment, now_us, yesterday) < 0 ? -EINVAL : whole_day(ret, &moment);
}

int when_parse(struct when *ret, const char *text, int64_t now_us) {
	const struct text whole = {text, text + strlen(text)};
	struct when when;

	if (parse_word(&when, text, now_us) < 0 && parse_moment(&when, whole, now_us) < 0 &&
	    parse_ago(&when, whole, now_us) < 0)
		return -EINVAL;
	*ret = when;
	return 0;
}

int when_stamp(int64_t *ret_us, struct bytes stamp) {
	struct moment moment = {0};
	struct text text;

	if (stamp.len == 0) /* and perhaps without an address to add to */
		return -EINVAL;
	text.at = (const char *)stamp.data;
	text.end = text.at + stamp.len;
	if (!take_date(&moment, &text) || (!take(&text, 'T') && !take(&text, 't')) ||
	    !take_time(&moment, &text) || moment.length_us == MINUTE_US ||
	    !take_zone(&moment, &text) || text.at < text.end)
		return -EINVAL;
	return moment_us(ret_us, &moment);
}

void when_local(char ret[static WHEN_LOCAL_SIZE], int64_t real_us) {
	struct tm tm = {0};
	time_t seconds;

	if (real_us < REAL_US_MIN)
		real_us = REAL_US_MIN;
	if (real_us > REAL_US_MAX)
		real_us = REAL_US_MAX;
	seconds = (time_t)((real_us - (real_us % SECOND_US + SECOND_US) % SECOND_US) / SECOND_US);
	if (localtime_r(&seconds, &tm) == NULL)
		tm = (struct tm){0};
	/* Each number is reduced to its width, so that the compiler sees that they fit. */
	snprintf(ret, WHEN_LOCAL_SIZE, "%04u-%02u-%02u %02u:%02u:%02u",
	         (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
	         (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	         (unsigned)tm.tm_sec % 100);
}
