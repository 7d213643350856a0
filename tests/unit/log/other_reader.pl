#!/usr/bin/perl
# Events must read back in YAML readers that are not libyaml, and the documented escape must be all
# that a reader has to know (docs/events.md). Usage: other_reader.pl WRITE_EVENTS
use strict;
use warnings;
use File::Temp qw(tempdir);

if (!eval { require YAML::PP; 1 }) {
	print "1..0 # SKIP YAML::PP is not there (Debian: libyaml-pp-perl)\n";
	exit 0;
}

my $directory = tempdir('guard-unit-XXXXXX', TMPDIR => 1, CLEANUP => 1);
system($ARGV[0], "$directory/events", "$directory/values") == 0 or die "$ARGV[0] failed\n";

open my $values, '<', "$directory/values" or die "values: $!\n";
my @expected = map { chomp; pack 'H*', $_ } <$values>;
close $values;

# Text as bytes, with each \xHH made its byte again: the whole of the documented escape.
sub original {
	my ($text) = @_;
	utf8::encode($text);
	$text =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
	return $text;
}

my ($number, $failed) = (0, 0);
sub ok {
	my ($good, $name) = @_;
	$number++;
	$failed++ unless $good;
	print $good ? 'ok' : 'not ok', " $number - $name\n";
}

# The schemas differ in what they take for numbers, booleans and dates where it is not quoted.
for my $schema (['Core'], ['YAML1_1'], ['JSON'], ['Failsafe']) {
	my $reader = YAML::PP->new(schema => $schema, boolean => 'perl');
	my @events = $reader->load_file("$directory/events");
	my $name = $schema->[0];
	ok(@events == @expected, "$name: a document for each event");
	my %wrong;
	for my $i (0 .. $#expected) {
		my $event = $events[$i];
		my %found = (
			detail => $event->{detail},
			process_name => $event->{process_name},
			exe_path => $event->{exe_path},
			local_cwd => $event->{local_cwd},
			command => $event->{command}[1],
			tree => $event->{local_proc_tree}[0]{exe},
		);
		for my $field (sort keys %found) {
			my $good = defined $found{$field} && !ref $found{$field}
				&& original($found{$field}) eq $expected[$i];
			push @{$wrong{$field}}, $i unless $good;
		}
		push @{$wrong{local_pid}}, $i unless $event->{local_pid} == 42;
		push @{$wrong{command_count}}, $i unless @{$event->{command}} == 2;
		push @{$wrong{timestamp}}, $i
			unless $event->{timestamp} eq '1970-01-01T00:00:00.000000Z';
	}
	for my $field (sort keys %wrong) {
		print "# $name: $field of event(s) @{$wrong{$field}}\n";
	}
	ok(!%wrong, "$name: every value byte for byte");
}
print "1..$number\n";
exit($failed ? 1 : 0);
