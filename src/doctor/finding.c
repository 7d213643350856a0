#include "doctor/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

const char *grade_name(enum grade grade) {
	switch (grade) {
	case GRADE_OK: return "ok";
	case GRADE_NOTE: return "note";
	case GRADE_BAD: return "bad";
	}
	return "invalid";
}

void findings_deinit(struct findings *findings) {
	for (size_t i = 0; i < findings->count; i++)
		free(findings->items[i].text);
	free(findings->items);
	*findings = (struct findings){0};
}

void findings_add(struct findings *findings, enum grade grade, const char *area, const char *advice,
                  const char *format, ...) {
	struct finding *items = array_resize(findings->items, findings->count + 1, sizeof(*items));
	struct finding finding = {grade, area, NULL, advice};
	va_list arguments;
	int len;

	findings->n_bad += grade == GRADE_BAD;
	if (items == NULL) {
		findings->error = -ENOMEM;
		return;
	}
	findings->items = items;
	va_start(arguments, format);
	len = vasprintf(&finding.text, format, arguments);
	va_end(arguments);
	if (len < 0)
		findings->error = -ENOMEM;
	else
		findings->items[findings->count++] = finding;
}
