"""What administrators see and do: keys, and what was asked."""

from bench.service import Service


def test_a_key_made_over_http_asks_is_counted_and_revoked(service: Service) -> None:
    service.ingest("gate.md", b"The gate of the yard closes at 19:30.", collection="yard")
    made = service.http.post("/v1/keys", json={"name": "Porter's lodge", "scopes": ["ask"]}).json()
    key = {"Authorization": f"Bearer {made['key']}"}
    question = {"question": "When does the gate close?", "collections": ["yard"], "stream": False}

    answers = [service.http.post("/v1/ask", json=question, headers=key).json() for _ in range(2)]
    report = service.http.get("/v1/usage", params={"days": 1}).json()
    service.http.delete(f"/v1/keys/{made['id']}")

    assert [answer["cached"] for answer in answers] == [False, True]
    mine = next(one for one in report["by_caller"] if one["caller"] == made["id"])
    assert (mine["label"], mine["questions"], mine["answered"], mine["cached"]) == ("Porter's lodge", 2, 2, 1)
    assert report["total"]["questions"] == report["days"][0]["questions"] >= 2
    assert service.http.get("/v1/me", headers=key).status_code == 401


def test_no_list_of_keys_has_a_key_in_it(service: Service) -> None:
    made = service.http.post("/v1/keys", json={"name": "once", "scopes": ["search"], "groups": ["hr"]}).json()

    listed = service.http.get("/v1/keys").json()["keys"]

    assert made["key"] not in str(listed)
    assert next(one for one in listed if one["id"] == made["id"])["groups"] == ["hr"]


def test_no_key_is_a_visitors(service: Service) -> None:
    refused = service.http.post("/v1/keys", json={"name": "x", "scopes": ["visit"]})

    assert (refused.status_code, refused.json()["type"]) == (422, "invalid-request")
