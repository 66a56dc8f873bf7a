"""Which addresses webhooks may have: what is written, and what names resolve to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from jobs.webhooks.errors import WebhookUrlRefusedError
from jobs.webhooks.guard import check_addresses, is_public, read_url
from tests.receivers import hostile_urls

LOOPBACK = [ip_network("127.0.0.0/8")]
NOT_PUBLIC = (
    *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "168.63.129.16", "169.254.169.254"),
    *("172.16.0.1", "192.0.0.192", "192.0.2.7", "192.88.99.1", "192.168.0.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::"),
    *("3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
)
PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"),
    *("168.63.129.15", "168.63.129.17", "169.253.255.255", "223.255.255.255", "192.0.1.1"),
    *("2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2003::1"),
)


def test_the_list_of_hostile_addresses_is_as_long_as_promised() -> None:
    assert len(set(hostile_urls())) >= 61


@pytest.mark.parametrize("url", hostile_urls())
def test_a_hostile_address_is_refused_as_it_is_written(url: str) -> None:
    with pytest.raises(WebhookUrlRefusedError):
        read_url(url)


@pytest.mark.parametrize("url", hostile_urls())
def test_it_is_refused_as_well_where_some_network_is_allowed(url: str) -> None:
    elsewhere = [ip_network("198.19.77.0/24")]
    if url in AS_NAMES:
        target = read_url(url, elsewhere)
        with pytest.raises(WebhookUrlRefusedError):
            check_addresses(target, [ip_address("127.0.0.1")], elsewhere)
        return
    with pytest.raises(WebhookUrlRefusedError):
        read_url(url, elsewhere)


# Proper names and ports, which inside a network may be right: what they resolve to decides.
AS_NAMES = {
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost.localdomain/",
    "https://anything.localhost/",
    "https://ip6-localhost/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata/",
    "https://kubernetes.default.svc.cluster.local/",
    "http://example.com/",
    "http://example.com:443/",
    "https://example.com:8443/",
    "https://example.com:22/",
    "https://example.com:0/",
}


@pytest.mark.parametrize(
    "url",
    ["https://example.com/\n", "\thttps://example.com/", "https://example.com/ü", "", "x" * 9],
)
def test_what_is_no_printable_ascii_url_is_refused(url: str) -> None:
    with pytest.raises(WebhookUrlRefusedError):
        read_url(url)


def test_an_address_has_an_end() -> None:
    url = "https://example.com/" + "x" * 1_980
    assert read_url(url).path == url[19:]
    with pytest.raises(WebhookUrlRefusedError):
        read_url(url + "x")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_known(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_called(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_proper_address_is_read_in_its_parts() -> None:
    target = read_url("https://Hooks.Example.com./in?job=1&x=%20y")
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example.com", 443)
    assert (target.path, target.authority) == ("/in?job=1&x=%20y", "hooks.example.com")
    assert read_url("https://example.com:443").path == "/"
    assert read_url("https://xn--bcher-kva.example").host == "xn--bcher-kva.example"
    assert read_url("https://[2606:4700::1111]/x").authority == "[2606:4700::1111]"
    assert str(read_url("https://8.8.8.8/").literal) == "8.8.8.8"


def test_every_address_of_a_name_must_be_public() -> None:
    target = read_url("https://example.com/")
    check_addresses(target, [ip_address("8.8.8.8"), ip_address("2606:4700::1111")])
    for bad in (["8.8.8.8", "127.0.0.1"], ["::1", "8.8.8.8"], []):
        with pytest.raises(WebhookUrlRefusedError):
            check_addresses(target, [ip_address(address) for address in bad])


def test_an_allowed_network_may_have_http_and_any_port_and_nothing_else_may() -> None:
    assert read_url("http://127.0.0.1:8080/", LOOPBACK).authority == "127.0.0.1:8080"
    target = read_url("http://hooks.internal:8080/", LOOPBACK)
    check_addresses(target, [ip_address("127.0.0.1")], LOOPBACK)
    for other in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "::1"):
        with pytest.raises(WebhookUrlRefusedError):
            check_addresses(target, [ip_address(other)], LOOPBACK)
    with pytest.raises(WebhookUrlRefusedError):
        check_addresses(target, [ip_address("127.0.0.1"), ip_address("8.8.8.8")], LOOPBACK)
