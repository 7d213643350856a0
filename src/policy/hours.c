#include "policy/hours.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAYS        7
#define DAY_MINUTES (24 * 60)

static const char day_names[DAYS][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* Each of the next three takes what it reads off the front of *text; false: it is not there. */
static bool take_day(unsigned *ret, const char **text) {
	for (unsigned i = 0; i < DAYS; i++)
		if (strncasecmp(*text, day_names[i], 3) == 0) {
			*ret = i;
			*text += 3;
			return true;
		}
	return false;
}

static bool take_char(const char **text, char wanted) {
	if (**text != wanted)
		return false;
	(*text)++;
	return true;
}

/* Two digits each, so that nobody wonders what 9:3 is. 24:00 is the end of a day. */
static bool take_clock(uint16_t *ret, const char **text) {
	const char *at = *text;
	unsigned hour, minute;

	if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]) || at[2] != ':' ||
	    !isdigit((unsigned char)at[3]) || !isdigit((unsigned char)at[4]))
		return false;
	hour = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
	minute = (unsigned)(at[3] - '0') * 10 + (unsigned)(at[4] - '0');
	if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
		return false;
	*ret = (uint16_t)(hour * 60 + minute);
	*text += 5;
	return true;
}

/* "mon-fri", also "sat-mon" over the end of the week; "sat,sun". */
static bool take_days(uint8_t *ret, const char **text) {
	uint8_t days = 0;

	do {
		unsigned first, last;

		if (!take_day(&first, text))
			return false;
		last = first;
		if (take_char(text, '-') && !take_day(&last, text))
			return false;
		for (unsigned day = first;; day = (day + 1) % DAYS) {
			days |= (uint8_t)(1U << day);
			if (day == last)
				break;
		}
	} while (take_char(text, ','));
	*ret = days;
	return true;
}

static bool take_span(struct hours *hours, const char **text) {
	return take_clock(&hours->from, text) && take_char(text, '-') &&
	       take_clock(&hours->to, text) && hours->from != hours->to &&
	       hours->from < DAY_MINUTES;
}

bool hours_parse(struct hours *ret, const char *text) {
	struct hours hours = {.days = (1U << DAYS) - 1, .to = DAY_MINUTES};
	bool has_days = isalpha((unsigned char)*text);

	if (has_days && !take_days(&hours.days, &text))
		return false;
	if (has_days && *text == '\0') {
		*ret = hours;
		return true;
	}
	if ((has_days && !take_char(&text, ' ')) || !take_span(&hours, &text) || *text != '\0')
		return false;
	*ret = hours;
	return true;
}

void hours_text(char ret[static HOURS_TEXT_SIZE], const struct hours *hours) {
	char days[sizeof("mon,tue,wed,thu,fri,sat,sun")] = "";

	for (unsigned i = 0; i < DAYS; i++)
		if ((hours->days & 1U << i) != 0) {
			strcat(days, days[0] != '\0' ? "," : "");
			strcat(days, day_names[i]);
		}
	snprintf(ret, HOURS_TEXT_SIZE, "%s %02u:%02u-%02u:%02u", days, hours->from / 60U % 100,
	         hours->from % 60U, hours->to / 60U % 100, hours->to % 60U);
}

bool hours_hold(const struct hours *hours, const struct clock_moment *moment) {
	bool today = (hours->days & 1U << moment->weekday) != 0;
	bool yesterday = (hours->days & 1U << (moment->weekday + DAYS - 1) % DAYS) != 0;

	if (hours->from < hours->to)
		return today && moment->minute >= hours->from && moment->minute < hours->to;
	return (today && moment->minute >= hours->from) ||
	       (yesterday && moment->minute < hours->to);
}

static unsigned end_of(const struct hours *hours) {
	return hours->to + (hours->from < hours->to ? 0U : (unsigned)DAY_MINUTES);
}

bool hours_cover(const struct hours *a, const struct hours *b) {
	return (b->days & ~a->days) == 0 && a->from <= b->from && end_of(b) <= end_of(a);
}

bool hours_parse_moment(struct clock_moment *ret, const char *text) {
	unsigned day;
	uint16_t minute;

	if (!take_day(&day, &text) || !take_char(&text, ' ') || !take_clock(&minute, &text) ||
	    *text != '\0' || minute == DAY_MINUTES)
		return false;
	*ret = (struct clock_moment){true, (uint8_t)day, minute};
	return true;
}

void hours_moment_text(char ret[static HOURS_MOMENT_SIZE], const struct clock_moment *moment) {
	snprintf(ret, HOURS_MOMENT_SIZE, "%s %02u:%02u", day_names[moment->weekday % DAYS],
	         moment->minute / 60U % 100, moment->minute % 60U);
}
