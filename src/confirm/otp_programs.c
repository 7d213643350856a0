#include "confirm/otp_programs.h"

#include <errno.h>

#include "base/hex.h"
#include "base/words.h"

/* ---- what they say ---- */

static bool read_flag(struct bytes *rest) {
	bool bad = false;
	struct bytes line = words_take(rest, '\n', &bad);

	return !bad && bytes_equal_text(line, "1");
}

int otp_key_parse(struct otp_key *ret, struct bytes output) {
	bool bad = false;
	struct bytes line = words_take(&output, '\n', &bad);
	struct otp_key key = {0};
	struct bytes flags = output;

	/* It is printed as a number with a sign, by which the last ones of 32 bits are negative. */
	if (line.len > 0 && line.data[0] == '-')
		key.serial = 0U -
		             (uint32_t)words_number((struct bytes){line.data + 1, line.len - 1},
		                                    INT32_MAX, &bad);
	else
		key.serial = (uint32_t)words_number(line, UINT32_MAX, &bad);
	key.has_slot[1] = read_flag(&flags);
	key.has_slot[2] = read_flag(&flags);
	if (bad || key.serial == 0 || output.len != 4 || output.data[1] != '\n' ||
	    output.data[3] != '\n')
		return -EBADMSG;
	*ret = key;
	return 0;
}

int otp_answer_parse(uint8_t ret[static OTP_ANSWER_LEN], struct bytes output) {
	uint8_t answer[OTP_ANSWER_LEN];
	size_t len = 0;

	if (output.len != 2 * OTP_ANSWER_LEN + 1 || output.data[output.len - 1] != '\n')
		return -EBADMSG;
	output.len--;
	if (hex_read(answer, sizeof(answer), &len, output) < 0 || len != sizeof(answer))
		return -EBADMSG;
	memcpy(ret, answer, sizeof(answer));
	return 0;
}

enum otp_trouble otp_trouble_of(struct bytes error_output) {
	static const struct {
		const char *words;
		enum otp_trouble trouble;
	} troubles[] = {
		{"no yubikey present", OTP_TROUBLE_NO_KEY},
		{"operation would block", OTP_TROUBLE_WANTS_TOUCH},
		{"No such device", OTP_TROUBLE_GONE},
		{"Input/output error", OTP_TROUBLE_GONE},
		{"Pipe error", OTP_TROUBLE_GONE},
		{"no data returned from device", OTP_TROUBLE_GONE},
		{"Resource busy", OTP_TROUBLE_BUSY},
		{"Access denied", OTP_TROUBLE_ACCESS},
		{"error: timeout", OTP_TROUBLE_TIMEOUT},
	};

	for (size_t i = 0; error_output.len > 0 && i < sizeof(troubles) / sizeof(troubles[0]); i++)
		if (memmem(error_output.data, error_output.len, troubles[i].words,
		           strlen(troubles[i].words)) != NULL)
			return troubles[i].trouble;
	return OTP_TROUBLE_OTHER;
}
