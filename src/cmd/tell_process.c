/* What is known of a process beside what rules speak of. */
#include "cmd/tell.h"

#include "base/show.h"
#include "log/when.h"

#define NAME_WIDTH 23

static void tell_name(FILE *stream, const char *name) {
	fprintf(stream, "%-*s", NAME_WIDTH, name);
}

static void tell_age(FILE *stream, const struct caller *caller) {
	if (caller->age_ms == 0)
		return;
	tell_name(stream, "process_age");
	fprintf(stream, "%llu.%03us\n", (unsigned long long)(caller->age_ms / 1000),
	        (unsigned)(caller->age_ms % 1000));
}

static void tell_start(FILE *stream, const struct process *process) {
	char started[WHEN_LOCAL_SIZE];

	if (process->started_us == 0)
		return;
	when_local(started, process->started_us);
	tell_name(stream, "started");
	fprintf(stream, "%s\n", started);
}

static void tell_pane(FILE *stream, const char *pane) {
	if (pane == NULL || *pane == '\0')
		return;
	tell_name(stream, "tmux_pane");
	show(stream, pane, 0);
	putc('\n', stream);
}

static void tell_file(FILE *stream, const struct caller *caller) {
	if (caller->process.exe == NULL)
		return;
	tell_name(stream, "exe_inode");
	fprintf(stream, "%llu, on device %llu\n", (unsigned long long)caller->exe_id.inode,
	        (unsigned long long)caller->exe_id.device);
}

static void tell_unit(FILE *stream, const struct caller *caller) {
	tell_name(stream, "unit");
	if (caller->unit == NULL)
		fputs("(not known)", stream);
	else if (*caller->unit == '\0')
		fputs("(none)", stream);
	else
		show(stream, caller->unit, 0);
	putc('\n', stream);
}

static const char *apart_of_bit(unsigned bit) {
	return apart_name((enum apart)bit);
}

static const char *mark_of_bit(unsigned bit) {
	return integrity_name((enum integrity)bit);
}

static void tell_bits(FILE *stream, const char *name, unsigned bits,
                      const char *(*name_of)(unsigned bit)) {
	const char *before = "";

	if (bits == 0)
		return;
	tell_name(stream, name);
	for (unsigned bit = 1; bit <= bits && bit != 0; bit <<= 1) {
		if ((bits & bit) == 0)
			continue;
		fprintf(stream, "%s%s", before, name_of(bit));
		before = ", ";
	}
	putc('\n', stream);
}

void tell_process(FILE *stream, const struct caller *caller) {
	if (caller->state != CALLER_IDENTIFIED)
		return;
	tell_start(stream, &caller->process);
	tell_age(stream, caller);
	tell_file(stream, caller);
	tell_unit(stream, caller);
	tell_pane(stream, caller->tmux_pane);
	tell_bits(stream, "namespace_mismatches", caller->apart, apart_of_bit);
	tell_bits(stream, "namespaces_unknown", caller->apart_unknown, apart_of_bit);
	tell_bits(stream, "integrity_unknown", caller->integrity_unknown, mark_of_bit);
	if (caller->presence_evidence != NULL) {
		tell_name(stream, "presence_evidence");
		fprintf(stream, "%s\n", caller->presence_evidence);
	}
}
