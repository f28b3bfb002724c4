#!/usr/bin/perl
# Runs once. The container image made by tools/image: every digest and size is right, it holds
# just the executable and an empty folder, runs it as nobody in particular, and is the same when made again.
use strict;
use warnings;
use Test::More;
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);

my $binary = $ENV{LICENSE_PROXY} // 'build/license-proxy';
my $dir = tempdir(CLEANUP => 1);

sub content {
    my ($path) = @_;
    open my $fh, '<:raw', $path or return '';
    local $/;
    return scalar <$fh>;
}

is(system("tools/image $binary $dir/one.tar >$dir/log 2>&1"), 0, 'the image is made');
is(system("umask 077; TZ=Pacific/Apia tools/image $binary $dir/two.tar >$dir/log 2>&1"), 0,
    'and made again');
is(sha256_hex(content("$dir/one.tar")), sha256_hex(content("$dir/two.tar")), 'bit for bit');

mkdir "$dir/image";
is(system("tar -xf $dir/one.tar -C $dir/image"), 0, 'it unpacks');
is_deeply(decode_json(content("$dir/image/oci-layout")), { imageLayoutVersion => '1.0.0' },
    'it is an OCI layout');

my %blob_seen;

# The blob that a descriptor names; its digest and size are checked.
sub blob {
    my ($descriptor, $what) = @_;
    my ($hex) = $descriptor->{digest} =~ /^sha256:([0-9a-f]{64})$/;
    my $bytes = content("$dir/image/blobs/sha256/$hex");
    is(sha256_hex($bytes), $hex, "$what: digest");
    is(length $bytes, $descriptor->{size}, "$what: size");
    $blob_seen{$hex} = 1;
    return $bytes;
}

my $index = decode_json(content("$dir/image/index.json"));
is(scalar @{ $index->{manifests} }, 1, 'one manifest');
my $manifest = decode_json(blob($index->{manifests}[0], 'manifest'));
is($manifest->{mediaType}, 'application/vnd.oci.image.manifest.v1+json', 'manifest type');
my $config = decode_json(blob($manifest->{config}, 'config'));
is(scalar @{ $manifest->{layers} }, 1, 'one layer');
my $layer = blob($manifest->{layers}[0], 'layer');
is_deeply($config->{rootfs}{diff_ids}, [ 'sha256:' . sha256_hex($layer) ], 'diff id');
is_deeply([ sort keys %blob_seen ],
    [ sort map { s{.*/}{}r } glob "$dir/image/blobs/sha256/*" ], 'no other blob');

my $docker = decode_json(content("$dir/image/manifest.json"));
is(scalar @$docker, 1, 'docker-archive: one image');
is("sha256:" . sha256_hex(content("$dir/image/$docker->[0]{Config}")),
    $manifest->{config}{digest}, 'docker-archive: the same config');
is_deeply([ map { "sha256:" . sha256_hex(content("$dir/image/$_")) } @{ $docker->[0]{Layers} } ],
    $config->{rootfs}{diff_ids}, 'docker-archive: the same layer');
ok((grep { $_ eq 'license-proxy:latest' } @{ $docker->[0]{RepoTags} }), 'docker-archive: a tag');

my $c = $config->{config};
is($config->{os}, 'linux', 'for linux');
is($c->{User}, '65532:65532', 'runs as a user without rights');
is_deeply($c->{Entrypoint}, ['/license-proxy'], 'entry point');
is_deeply($c->{Cmd}, ['serve'], 'serves by default');
is_deeply([ sort keys %{ $c->{ExposedPorts} } ], [ '8080/tcp', '8443/tcp' ], 'ports');
is_deeply($c->{Healthcheck}{Test}, [ 'CMD', '/license-proxy', 'probe' ], 'health check');

my ($layer_file) = map { "$dir/image/$_" } @{ $docker->[0]{Layers} };
my $listing = `tar --numeric-owner -tvf $layer_file`;
like($listing, qr{^-r-xr-xr-x 0/0 +\d+ \S+ \S+ license-proxy\ndrwx------ 65532/65532 +0 \S+ \S+ state/\n\z},
    'the layer holds the executable, owned by root, read-only, an empty state, and nothing else');

mkdir "$dir/root";
is(system("tar -xf $layer_file -C $dir/root"), 0, 'the layer unpacks');
is(sha256_hex(content("$dir/root/license-proxy")), sha256_hex(content($binary)),
    'the executable is the one that was built');
my $version = `$dir/root/license-proxy version 2>&1`;
is($?, 0, 'and runs');
like($version, qr/license-proxy/, 'and says what it is');

done_testing();
