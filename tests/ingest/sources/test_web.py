"""Pages, sites and sitemaps, read from a real site on this machine."""

import gzip
import time
from io import BytesIO
from pathlib import Path

from ingest.sources.listing import Found, Options
from ingest.sources.markup import links_of
from ingest.sources.web import Visitor
from rag.sources import SourceKind
from tests.ingest.sources.conftest import Site, Worker, answer, make_worker


def look(visitor: Visitor, url: str) -> None:
    """Visit a page, and close what came."""
    for record in visitor.visit(url, {})[0]:
        if isinstance(record, Found) and record.file:
            record.file.close()


def test_one_page_is_read_and_nothing_that_it_leads_to(worker: Worker, site: Site) -> None:
    site.link("/a", "/b")
    site.link("/b")
    source = worker.add(SourceKind.WEB, site.url("/a"))

    report = worker.run(source)

    assert (report["new"], report["complete"], report["errors"]) == (1, True, [])
    assert set(worker.documents()) == {site.url("/a")}
    assert worker.documents()[site.url("/a")].latest.filename == "a.html"


def test_a_crawl_follows_links_on_its_host_down_to_its_depth(worker: Worker, site: Site) -> None:
    site.link("/", "/a#top", "b/", "http://other.example/", "mailto:a@b.c", "javascript:void(0)", "/film.mp4")
    site.link("/a", "/", "/deep")
    site.link("/b/", "../a", "c")
    site.link("/b/c", "/deepest")
    site.link("/deep", "/deepest")
    site.link("/deepest")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=2)

    report = worker.run(source)

    assert set(worker.documents()) == {site.url(path) for path in ("/", "/a", "/b/", "/b/c", "/deep")}
    assert report["errors"] == []
    assert sorted(site.asked()) == ["/", "/a", "/b/", "/b/c", "/deep", "/robots.txt"]


def test_what_has_not_changed_is_neither_sent_nor_worked_on_again(worker: Worker, site: Site) -> None:
    site.link("/", "/a", "/b")
    site.link("/a", text="one")
    site.link("/b", "/c")
    site.link("/c")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=5)
    worker.run(source)

    site.link("/a", text="two")
    report = worker.run(source)

    assert (report["new"], report["changed"], report["unchanged"]) == (0, 1, 3)
    assert [version.version for version in worker.documents()[site.url("/a")].versions] == [1, 2]
    assert "two" in worker.text(site.url("/a"))


def test_robots_txt_is_obeyed(worker: Worker, site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /private\n\nUser-agent: attest\nDisallow: /ours", "text/plain")
    site.link("/", "/private/a", "/ours/b", "/open")
    for path in ("/private/a", "/ours/b", "/open"):
        site.link(path)
    source = worker.add(SourceKind.WEB, site.url("/"), depth=3)

    worker.run(source)

    assert set(worker.documents()) == {site.url("/"), site.url("/private/a"), site.url("/open")}
    assert "/ours/b" not in site.asked()


def test_a_page_that_robots_txt_forbids_is_not_fetched_and_says_so(worker: Worker, site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
    site.link("/a")

    report = worker.run(worker.add(SourceKind.WEB, site.url("/a")))

    assert "robots.txt" in report["errors"][0]["detail"]
    assert site.asked() == ["/robots.txt"]


def test_requests_keep_the_distance_that_robots_txt_asks_for(worker: Worker, site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nCrawl-delay: 0.15", "text/plain")
    site.link("/a")
    visitor = Visitor(worker.runner.fetcher, Options(rate=1000))
    started = time.monotonic()

    for _ in range(3):
        look(visitor, site.url("/a"))

    assert time.monotonic() - started >= 0.3


def test_requests_keep_the_rate_that_the_source_has(worker: Worker, site: Site) -> None:
    site.link("/a")
    visitor = Visitor(worker.runner.fetcher, Options(rate=10))
    started = time.monotonic()

    for _ in range(3):
        look(visitor, site.url("/a"))

    assert time.monotonic() - started >= 0.2


def test_patterns_choose_what_is_fetched(worker: Worker, site: Site) -> None:
    site.link("/", "/docs/a", "/docs/old/b", "/blog/c")
    for path in ("/docs/a", "/docs/old/b", "/blog/c"):
        site.link(path)
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, include=["*/docs/*"], exclude=["*/old/*"])

    worker.run(source)

    assert site.asked() == ["/robots.txt", "/", "/docs/a"]


def test_a_site_of_too_many_pages_is_read_in_part_and_nothing_counts_as_gone(worker: Worker, site: Site) -> None:
    site.link("/", *(f"/{n}" for n in range(5)))
    for n in range(5):
        site.link(f"/{n}")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, max_pages=4, grace_s=0)

    report = worker.run(source)

    assert not report["complete"]
    assert "more than 4 pages" in report["errors"][0]["detail"]


def test_a_page_that_redirects_is_known_by_where_it_leads(worker: Worker, site: Site) -> None:
    site.pages["/"] = answer(301, Location="/home")
    site.link("/home", "/old", "/away")
    site.pages["/old"] = answer(302, Location="/new")
    site.link("/new")
    site.pages["/away"] = answer(302, Location="http://127.0.0.1:1/")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=3)

    worker.run(source)

    assert set(worker.documents()) == {site.url("/home"), site.url("/new")}


def test_a_known_page_that_leads_to_a_login_for_now_keeps_its_document(worker: Worker, site: Site) -> None:
    site.link("/", "/a")
    site.link("/a", text="the rules")
    site.put("/login", "Please log in")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, grace_s=0)
    worker.run(source)

    site.pages["/a"] = answer(302, Location="/login")
    report = worker.run(source)

    assert "for the time being" in report["errors"][0]["detail"]
    assert set(worker.documents()) == {site.url("/"), site.url("/a")}
    assert "the rules" in worker.text(site.url("/a"))


def test_a_page_that_has_moved_for_good_is_gone_and_found_where_it_is_now(worker: Worker, site: Site) -> None:
    site.link("/", "/a")
    site.link("/a")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1, grace_s=0)
    worker.run(source)

    site.pages["/a"] = answer(301, Location="/b")
    site.link("/b")
    report = worker.run(source)

    assert (report["new"], report["deleted"], report["errors"]) == (1, 1, [])
    assert set(worker.documents()) == {site.url("/"), site.url("/b")}


def test_a_redirect_to_an_internal_host_is_refused_in_a_crawl(worker: Worker, site: Site) -> None:
    site.link("/", "/inside")
    site.pages["/inside"] = answer(302, Location="http://169.254.169.254/latest/")
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1)

    report = worker.run(source)

    assert [(error["key"], error["type"]) for error in report["errors"]] == [(site.url("/inside"), "fetch-refused")]
    assert set(worker.documents()) == {site.url("/")}


def test_a_host_that_fails_again_and_again_is_left_alone(worker: Worker, site: Site) -> None:
    site.link("/", *(f"/{n}" for n in range(30)))
    for n in range(30):
        site.pages[f"/{n}"] = answer(500)
    source = worker.add(SourceKind.WEB, site.url("/"), depth=1)

    report = worker.run(source)

    assert report["failed"] == 10
    assert len(site.asked()) == 12
    assert not report["complete"]


def sitemap(*urls: str, kind: str = "urlset", entry: str = "url") -> str:
    entries = "".join(f"<{entry}><loc>{url}</loc></{entry}>" for url in urls)
    return f'<{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{kind}>'


def test_a_sitemap_and_the_zipped_ones_that_it_lists_name_the_pages(worker: Worker, site: Site) -> None:
    index = sitemap(site.url("/one.xml"), site.url("/two.xml.gz"), kind="sitemapindex", entry="sitemap")
    site.put("/sitemap.xml", index, "application/xml")
    site.put("/one.xml", sitemap(site.url("/a"), "http://other.example/b"), "application/xml")
    site.put("/two.xml.gz", gzip.compress(sitemap(site.url("/c?x=1&amp;y=2")).encode()), "application/gzip")
    site.link("/a", "/not-listed")
    site.link("/c?x=1&y=2")
    site.link("/not-listed")

    report = worker.run(worker.add(SourceKind.SITEMAP, site.url("/sitemap.xml")))

    assert (report["new"], report["complete"], report["errors"]) == (2, True, [])
    assert set(worker.documents()) == {site.url("/a"), site.url("/c?x=1&y=2")}


def test_a_page_that_the_sitemap_no_longer_lists_is_gone(worker: Worker, site: Site) -> None:
    for path in ("/a", "/b"):
        site.link(path)
    site.put("/sitemap.xml", sitemap(site.url("/a"), site.url("/b")), "application/xml")
    source = worker.add(SourceKind.SITEMAP, site.url("/sitemap.xml"), grace_s=0)
    worker.run(source)

    site.put("/sitemap.xml", sitemap(site.url("/a")), "application/xml")
    report = worker.run(source)

    assert (report["unchanged"], report["deleted"]) == (1, 1)
    assert set(worker.documents()) == {site.url("/a")}


def test_a_sitemap_that_is_broken_missing_cut_or_hostile_deletes_nothing(worker: Worker, site: Site) -> None:
    site.link("/a")
    whole = sitemap(site.url("/a"))
    site.put("/sitemap.xml", whole, "application/xml")
    source = worker.add(SourceKind.SITEMAP, site.url("/sitemap.xml"), grace_s=0)
    worker.run(source)
    entities = '<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
    broken = [answer(404), answer(500), answer(200, b""), answer(200, b"<html>Sorry</html>")]
    broken += [answer(200, whole[:-12].encode()), answer(200, entities.encode()), answer(200, sitemap().encode())]

    for state in broken:
        site.pages["/sitemap.xml"] = state
        report = worker.run(source)
        assert (report["complete"], report["deleted"], report["missing"], report["failed"]) == (False, 0, 0, 1)

    assert set(worker.documents()) == {site.url("/a")}


def test_a_listed_sitemap_that_fails_hides_its_pages_and_the_others_are_read(worker: Worker, site: Site) -> None:
    index = sitemap(site.url("/one.xml"), site.url("/two.xml"), kind="sitemapindex", entry="sitemap")
    site.put("/sitemap.xml", index, "application/xml")
    site.put("/one.xml", sitemap(site.url("/a")), "application/xml")
    site.put("/two.xml", sitemap(site.url("/b")), "application/xml")
    site.link("/a")
    site.link("/b")
    source = worker.add(SourceKind.SITEMAP, site.url("/sitemap.xml"), grace_s=0)
    worker.run(source)

    site.pages["/two.xml"] = answer(404)
    report = worker.run(source)

    assert (report["complete"], report["unchanged"], report["deleted"]) == (False, 1, 0)
    assert len(worker.documents()) == 2


def test_a_sitemap_of_another_hosts_pages_says_so(worker: Worker, site: Site) -> None:
    site.put("/sitemap.xml", sitemap("http://other.example/a"), "application/xml")

    report = worker.run(worker.add(SourceKind.SITEMAP, site.url("/sitemap.xml")))

    assert "none of its 1 pages" in report["errors"][0]["detail"]


def test_links_of_odd_pages_are_read_without_an_error() -> None:
    page = (
        b"<base href='/b/'><a href=x>1<A HREF='y&amp;z'>2<a rel=nofollow href=n>3<![x><area href='//h/'><a href='x#2'>"
    )

    assert links_of(BytesIO(page), "http://a/") == ("http://a/b/x", "http://a/b/y&z", "http://h/")
    for odd in (b"", b"\0\0", b"<![<![", b"<" * 100_000, b"<div>" * 100_000):
        assert links_of(BytesIO(odd), "http://a/") == ()


def test_without_leave_no_internal_page_is_read(site: Site, worker: Worker, tmp_path: Path) -> None:
    guarded = make_worker(worker.registry.engine, tmp_path, allowed_hosts="")
    site.link("/a")
    source = guarded.add(SourceKind.WEB, site.url("/a"))

    report = guarded.run(source)

    assert report["errors"][0]["type"] == "fetch-refused"
    assert site.asked() == []
