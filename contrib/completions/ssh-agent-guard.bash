# shellcheck shell=bash
# Completion for bash. Installed, it is loaded by the package bash-completion; else, in ~/.bashrc:
#   source /usr/local/share/bash-completion/completions/ssh-agent-guard
#
# Commands and options are those that the program's own --help tells, so that none is missing or
# made up; what follows a word, the guard that runs is asked for. Nothing here changes anything. bash
# expands the words that it is given, so what comes from outside is digits, names and fingerprints.

_ssh_agent_guard_commands() {
	"$1" --help 2>/dev/null | while read -r word _; do
		case $word in
		Commands:) ;;
		usage: | Stands | and | '`'*) ;;
		*) [[ $word =~ ^[a-z]+$ ]] && printf '%s\n' "$word" ;;
		esac
	done
}

_ssh_agent_guard_options() {
	"$1" "$2" --help 2>/dev/null | grep -o -E -e '--[a-z][a-z0-9-]+' | sort -u
}

# What stands behind a command, or behind an option that takes a word of a few.
_ssh_agent_guard_words() {
	case $2 in
	'enroll ') echo 'pin fido2 otp' ;;
	'grants ') echo revoke ;;
	'log ') echo verify ;;
	'panic ') echo off ;;
	'policy ') echo 'lint show accept replay suggest' ;;
	'confirm ' | 'deny ') "$1" pending 2>/dev/null | sed -n 's/^request \([0-9]*\),.*/\1/p' ;;
	'grants revoke') "$1" grants 2>/dev/null | sed -n 's/^grant \([0-9]*\),.*/\1/p' ;;
	*--decision) echo 'allow deny confirmed confirm-denied' ;;
	*--format) echo 'yaml json text tmux waybar i3status' ;;
	*--key) ssh-add -l 2>/dev/null | grep -o 'SHA256:[A-Za-z0-9+/]*' ;;
	*--remove) "$1" enroll --list 2>/dev/null | sed -n 's/^\([A-Za-z0-9._-]*\): .*/\1/p' ;;
	*--upstream) echo 'managed managed:gpg-agent' ;;
	esac
}

_ssh_agent_guard() {
	local program=$1 word=$2 before=$3 command='' i words

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		# Behind it stands another program's command line.
		[[ ${COMP_WORDS[i]} == -- ]] && return
		[[ -z $command && ${COMP_WORDS[i]} != -* ]] && command=${COMP_WORDS[i]}
	done
	if ((COMP_CWORD == 1)); then
		words="$(_ssh_agent_guard_commands "$program") --help --version"
	elif [[ $word == -* ]]; then
		words=$(_ssh_agent_guard_options "$program" "${command:-run}")
	elif [[ $before == "$command" ]]; then
		words=$(_ssh_agent_guard_words "$program" "$command ")
	else
		words=$(_ssh_agent_guard_words "$program" "$command $before")
		[[ $before == revoke ]] && words=$(_ssh_agent_guard_words "$program" 'grants revoke')
	fi
	while IFS= read -r i; do
		COMPREPLY+=("$i")
	done < <(compgen -W "$words" -- "$word")
}

# Where it offers nothing, files are offered.
complete -o bashdefault -o default -F _ssh_agent_guard ssh-agent-guard
