"""Why the C refuses tables, in words. Codes and names are those of the headers' enums; nothing is numbered here."""

FRONTEND = {
    "KWS_FRONTEND_BAD_SIZES": "a size is out of range",
    "KWS_FRONTEND_BAD_COUNTS": "a table has the wrong length",
    "KWS_FRONTEND_BAD_FACTORS": "a factor of the FFT exceeds 1",
    "KWS_FRONTEND_BAD_MEL": "the mel segments do not add up to the bins",
    "KWS_FRONTEND_BAD_LOG": "the table of the logarithm does not rise",
    "KWS_FRONTEND_BAD_SCALES": "an offset, multiplier or shift is out of range",
}
NETWORK = {
    "KWS_NETWORK_BAD_SIZE": "a size is out of range",
    "KWS_NETWORK_BAD_BUFFER": "a buffer does not fit its memory",
    "KWS_NETWORK_BAD_OP": "an op is unknown or has impossible settings",
    "KWS_NETWORK_BAD_SHAPE": "the rows of an op do not fit its buffers",
    "KWS_NETWORK_BAD_TABLE": "the weights or tables of an op lie outside the file",
    "KWS_NETWORK_BAD_TIME": "an op reads rows that its buffer does not keep",
    "KWS_NETWORK_BAD_WORK": "up to this op it needs more than 1,073,741,824 products per decision",
}
DECODER = {
    "KWS_DECODER_BAD_LABELS": "labels must be 1 to 42",
    "KWS_DECODER_BAD_SMOOTHING": "smoothing_hops must be 1 to 200",
    "KWS_DECODER_BAD_REFRACTORY": "refractory_hops must be 0 to 1000",
    "KWS_DECODER_BAD_TALK": "talk_hops and talk_lag_hops must be 0 to 200, talk_limit 1 to 255",
    "KWS_DECODER_BAD_WEIGHT": "unknown_weight must be 1 to 255",
    "KWS_DECODER_BAD_THRESHOLDS": "thresholds must be 1 to 255, or 256 for never, and no release above its threshold",
}
PLAN = {
    "KWS_PLAN_BAD_MAGIC": "it is not a plan file",
    "KWS_PLAN_BAD_VERSION": "it was written by another version of kws",
    "KWS_PLAN_BAD_SIZE": "it is not as long as it says",
    "KWS_PLAN_BAD_CHECKSUM": "its checksum is wrong",
    "KWS_PLAN_BAD_SECTION": "a table lies outside the file",
    "KWS_PLAN_BAD_FRONTEND": "its front end is damaged",
    "KWS_PLAN_BAD_NETWORK": "its network is damaged",
    "KWS_PLAN_BAD_DECODER": "its decoder is damaged",
    "KWS_PLAN_BAD_FIT": "its parts do not fit each other",
}
WORDS = {"kws_frontend_error": FRONTEND, "kws_network_error": NETWORK, "kws_decoder_error": DECODER,
         "kws_plan_error": PLAN}
# Refusals that pass on what a part said; *detail is a code of that part's enum.
PARTS = {"KWS_PLAN_BAD_FRONTEND": "kws_frontend_error", "KWS_PLAN_BAD_NETWORK": "kws_network_error",
         "KWS_PLAN_BAD_DECODER": "kws_decoder_error"}


def names(enum: str) -> dict[int, str]:
    """Code -> name of a header's enum, such as kws_plan_error."""
    from kws.native._native import ffi

    return dict(ffi.typeof(f"enum {enum}").elements)


def reason(enum: str, code: int, *, detail: int = 0) -> str:
    """The words for a code of `enum` other than 0. detail : the code of the part that is to blame, if there is one."""
    name = names(enum)[code]
    words = WORDS[enum][name]
    return f"{words}: {reason(PARTS[name], detail)}" if name in PARTS else words
