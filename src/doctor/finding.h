/* What a look at this machine has found out, each with what to do about it. */
#ifndef DOCTOR_FINDING_H
#define DOCTOR_FINDING_H

#include <stddef.h>

enum grade {
	GRADE_OK,
	GRADE_NOTE, /* holds, or is not promised, but is worth knowing */
	GRADE_BAD,  /* a promise does not hold */
};

const char *grade_name(enum grade grade);

struct finding {
	enum grade grade;
	const char *area;   /* static: "agents", "keys" */
	char *text;         /* owned; may hold outside text */
	const char *advice; /* static; NULL: nothing to do */
};

struct findings {
	struct finding *items; /* owned */
	size_t count;
	size_t n_bad;
	int error; /* -ENOMEM: some are missing */
};

void findings_deinit(struct findings *findings);
void findings_add(struct findings *findings, enum grade grade, const char *area, const char *advice,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
