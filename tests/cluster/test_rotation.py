"""New certificates and tokens by writing Secrets: no restart, no frame lost."""

from __future__ import annotations

from figures import timed
from node import wait_for
from plant import NAME, Certificates, Plant, Token, names


def health(plant: Plant, made: Certificates) -> bool:
    """Whether every pod shows a certificate of this authority."""
    for pod in plant.ready_pods():
        address = pod["status"]["podIP"]
        said = plant.node.run(
            *("openssl", "s_client", "-connect", f"{address}:50051", "-servername", f"{NAME}.{plant.namespace}.svc"),
            *("-verify_hostname", f"{NAME}.{plant.namespace}.svc", "-verify_return_error", "-CAfile", made.ca),
            *("-alpn", "h2"),
            check=False,
            stdin="",
        )
        if "Verify return code: 0 (ok)" not in said:
            return False
    return True


def test_certificates_rotate_under_load(plant: Plant) -> None:
    # Streams that outlive the test's authority stay on their connections.
    settings = ("config.max_stream_age_seconds=0", "config.max_connection_age_seconds=0")
    plant.become(*settings)
    before, restarts = names(plant.pods()), plant.restarts()
    new = Certificates(plant.folder / "new-pki", plant.namespace, cn="another authority")
    assert not health(plant, new)
    try:
        with plant.cameras():
            plant.write_certificates(new)
            with timed("from the Secret until every pod shows the new certificate"):
                wait_for("the new certificate", lambda: health(plant, new), 150, period=2)
        assert names(plant.pods()) == before
        assert plant.restarts() == restarts
    finally:
        plant.write_certificates(plant.certificates)
        wait_for("the old certificate", lambda: health(plant, plant.certificates), 150, period=2)


def test_tokens_rotate_under_load(plant: Plant) -> None:
    plant.become()
    before, restarts = names(plant.pods()), plant.restarts()
    lost, kept = Token("line-2"), plant.token

    def let_in(token: Token) -> bool:
        plant.write_secret("inspection-test-token", {"token": token.secret})
        if plant.test():
            return True
        # Not for any other reason.
        assert "UNAUTHENTICATED" in plant.test_log()
        return False

    try:
        with plant.cameras():
            assert not let_in(lost)
            plant.write_tokens(kept, lost)
            with timed("from the Secret until the new token is let in"):
                wait_for("the new token", lambda: let_in(lost), 150, period=2)
            plant.write_tokens(kept)
            with timed("from the Secret until it is not any more"):
                wait_for("the end of that token", lambda: not let_in(lost), 150, period=2)
        assert names(plant.pods()) == before
        assert plant.restarts() == restarts
    finally:
        plant.write_tokens(kept)
        plant.write_secret("inspection-test-token", {"token": kept.secret})


def test_tokens_are_in_no_log(plant: Plant) -> None:
    plant.become("config.log_level=debug")
    with plant.cameras(1):
        pass
    logs = [plant.node.kubectl("-n", plant.namespace, "logs", name) for name in names(plant.pods())]
    assert any("InspectStream" in each for each in logs)
    assert not any(plant.token.secret in each for each in logs)
