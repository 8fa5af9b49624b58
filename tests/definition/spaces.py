"""Parameters of every kind: one space that has them all, and such as hypothesis draws."""

from hypothesis import strategies as st

from sigtune.definition.parameters import LARGEST_WHOLE, Parameter

MIXED = (
    Parameter("lr", "double", bounds=(1e-5, 0.3), log=True),
    Parameter("momentum", "double", bounds=(-0.25, 0.75)),
    Parameter("epochs", "int", bounds=(-3.0, 40.0)),
    Parameter("decay", "double", grid=(0.0, 1e-4, 0.1)),
    Parameter("width", "int", grid=(8.0, 16.0, 64.0)),
    Parameter("optimizer", "categorical", categories=("sgd", "adam", "lion")),
)

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
positive = st.floats(min_value=2.0**-60, max_value=2.0**60)
whole = st.integers(-LARGEST_WHOLE, LARGEST_WHOLE)


def _ends(low: float, high: float) -> tuple[float, float]:
    return (float(min(low, high)), float(max(low, high)))


def _apart(ends: tuple[float, float]) -> bool:
    return ends[0] < ends[1]


doubles = st.builds(
    Parameter, st.just("p"), st.just("double"), bounds=st.builds(_ends, finite, finite).filter(_apart)
)
logarithmic_doubles = st.builds(
    Parameter,
    st.just("p"),
    st.just("double"),
    bounds=st.builds(_ends, positive, positive).filter(lambda ends: ends[1] > 1.001 * ends[0]),
    log=st.just(True),
)
ints = st.builds(
    Parameter, st.just("p"), st.just("int"), bounds=st.builds(_ends, whole, whole).filter(_apart)
)
double_grids = st.builds(
    Parameter,
    st.just("p"),
    st.just("double"),
    grid=st.lists(finite, min_size=2, unique=True).map(sorted).map(tuple),
)
int_grids = st.builds(
    Parameter,
    st.just("p"),
    st.just("int"),
    grid=st.lists(whole.map(float), min_size=2, unique=True).map(sorted).map(tuple),
)
categories = st.builds(
    Parameter,
    st.just("p"),
    st.just("categorical"),
    categories=st.lists(st.text(min_size=1), min_size=2, unique=True).map(tuple),
)
continuous = doubles | logarithmic_doubles
choices = double_grids | int_grids | categories | ints
every_kind = continuous | choices
