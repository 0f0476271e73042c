"""What each alert must say of the faults of test_alerts.py, as whoever is woken reads it: its summary, a regular expression.

IT stands for the server: its instance, or its job where the alert is about a job. Numbers are what the fault makes them, give
or take what a rate over a few scrapes leaves open.
"""

from __future__ import annotations

_SHARE = r"(100|[1-9]?\d(\.\d+)?)%"
_COUNT = r"\d+"
_SCORE = r"0\.\d\d"

SENTENCES = {
    # Every second frame fails, and every answer is late.
    "InspectorAvailabilityBurnsFast": rf"IT: {_SHARE} of the frames of the last hour got no answer",
    "InspectorAvailabilityBurnsSlowly": rf"IT: {_SHARE} of the frames of the last six hours got no answer",
    "InspectorLatencyBurnsFast": "IT: 100% of the answers of the last hour took longer than 1 s",
    "InspectorLatencyBurnsSlowly": "IT: 100% of the answers of the last six hours took longer than 1 s",
    "InspectorDown": "IT does not answer",
    "InspectorRestarts": "IT was restarted [3-9] times in half an hour",
    "InspectorNotReady": "IT runs and takes no frames",
    "InspectorDrainStuck": "IT has been draining for more than two minutes, and something is still open",
    "InspectorErrors": rf"IT fails {_SHARE} of its frames",
    "InspectorSaturated": rf"IT is full and refuses {_SHARE} of the frames",
    "InspectorQueueWait": r"IT: one frame in ten waits longer than \d+(\.\d+)?s for (decode|execute)",
    "InspectorStreamsNearLimit": "IT has 100% of the streams that it may have",
    "InspectorFileDescriptors": r"IT has 9\d(\.\d+)?% of its file descriptors open",
    "InspectorRefusesCalls": r"IT refuses \d+\.\d\d calls a second that have no permission",
    "InspectorRefusesConnections": r"IT has as many connections as it may, and closes \d+\.\d\d a second as they come",
    "InspectorBreaksConnections": r"IT broke [1-9]\d* connections off in ten minutes, for what their clients sent",
    "InspectorCertificateExpires": r"the certificate of IT expires in 2d 23h 5\dm \d+s",
    "InspectorCertificateExpiresToday": r"the certificate of IT expires in 23h 5\dm \d+s",
    "InspectorResultLogGaps": rf"IT lost {_COUNT} lines of its result log \(failed\)",
    "InspectorInjectsFaults": r"IT injects faults \(decode_error\)",
    "InspectorReplicaHung": r"IT: replica 0 of bayespfl-demo has computed one batch for 1m \d+s",
    "InspectorReplicaLost": "IT has lost 1 of the replicas of bayespfl-demo",
    "InspectorModelLoadFailed": "IT could not load bayespfl-demo",
    "InspectorDeviceMemory": "IT: 100% of the memory of cuda:0 is used",
    "InspectorOutOfMemory": rf"IT: {_COUNT} batches did not fit into the device in ten minutes",
    "InspectorFailRate": rf"leather: {_SHARE} of the parts of two hours FAIL",
    "InspectorUncalibrated": rf"wood: {_COUNT} frames of an hour got no verdict",
    "InspectorScoresOverTheLine": rf"leather: the middle of the scores of six hours is {_SCORE}, over the line of REVIEW",
    "InspectorScoreDrift": rf"leather: the middle of the scores has moved by {_SCORE} since yesterday",
}
