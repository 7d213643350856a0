/* What a process could call itself, to make a log say something else. */
#ifndef TESTS_UNIT_LOG_HOSTILE_H
#define TESTS_UNIT_LOG_HOSTILE_H

static const char *const hostile_values[] = {
	"",
	" ",
	" leading and trailing ",
	"no",
	"null",
	"~",
	"true",
	"1e3",
	"0x1f",
	"0o17",
	"1_000",
	"12:30:45",
	".inf",
	"=",
	"<<",
	"2026-11-23",
	"2026-11-23T05:00:23Z",
	"- a",
	"a: b",
	"? a",
	"{a: b}, [c]",
	"# no comment",
	"a # no comment",
	"&anchor *alias !!tag %directive @at `tick",
	"| literal",
	"> folded",
	"---",
	"...",
	"\n...\n---\ndecision: allow\n",
	"a\nb\n\nc\n",
	"\"double\" 'single' \\ back\\\\slash",
	"\\\"",
	"\\x41 \\u0041 \\n",
	"\x1b[2J\x1b]0;title\x07",
	"\x01\x02\x08\x0b\x0c\x0d\x0e\x1f\x7f",
	"\t",
	"\xc2\x85\u2028\u2029",     /* NEL, LS, PS: line breaks to YAML 1.1 */
	"\ufeffbom",                /* and one at the beginning */
	"a\ufffe\uffff",            /* characters that are none */
	"\u00a0\u200b\u202e\u2066", /* spaces unseen, and writing from right to left */
	"h\u00e9llo \u4e16\u754c \U0001f600 \U0010ffff",
	"\xed\xa0\x80 \xed\xbf\xbf", /* lone surrogates */
	"\xff\xfe\x80\xc0\xaf",
	"\xe2\x82",
	"ends in \\",
	"#(touch /tmp/x) #[fg=red] <span>",
	"../../../../etc/passwd",
	"%s%n%d",
};
#define N_HOSTILE (sizeof(hostile_values) / sizeof(hostile_values[0]))

#endif
