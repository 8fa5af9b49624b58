"""The tables of the store: everything that is asked of the backend can be queried, nothing is an opaque blob.

Portable SQL only: SQLite by default, PostgreSQL by URL. A module for each subject; here are all of them, so
that `Base.metadata` is whole.
"""

from __future__ import annotations

from sigtune.backend.tables.base import SCHEMA_VERSION, Base, MetadataEntry, StoreVersion
from sigtune.backend.tables.experiments import (
    CategoricalValueRow,
    ConditionalRow,
    ConditionalValueRow,
    ConstraintTermRow,
    ExperimentMetadata,
    ExperimentRow,
    GridValueRow,
    LinearConstraintRow,
    MetricRow,
    ParameterConditionRow,
    ParameterRow,
    TaskRow,
)
from sigtune.backend.tables.observations import (
    AssignmentRow,
    ConditionalAssignmentRow,
    MetricValueRow,
    ObservationMetadata,
    ObservationRow,
    PointRow,
    QueuedSuggestionRow,
    SuggestionMetadata,
    SuggestionRow,
)
from sigtune.backend.tables.projects import ProjectMetadata, ProjectRow
from sigtune.backend.tables.tokens import TokenRow
from sigtune.backend.tables.training_runs import (
    CheckpointMetadata,
    CheckpointRow,
    CheckpointValueRow,
    RunAssignment,
    RunAssignmentMetaRow,
    RunAssignmentSourceRow,
    RunDatasetRow,
    RunDevMetadata,
    RunFeatureScoreRow,
    RunLogRow,
    RunMetadata,
    RunValueRow,
    TagRow,
    TrainingRunRow,
)

__all__ = [
    "SCHEMA_VERSION",
    "AssignmentRow",
    "Base",
    "CategoricalValueRow",
    "CheckpointMetadata",
    "CheckpointRow",
    "CheckpointValueRow",
    "ConditionalAssignmentRow",
    "ConditionalRow",
    "ConditionalValueRow",
    "ConstraintTermRow",
    "ExperimentMetadata",
    "ExperimentRow",
    "GridValueRow",
    "LinearConstraintRow",
    "MetadataEntry",
    "MetricRow",
    "MetricValueRow",
    "ObservationMetadata",
    "ObservationRow",
    "ParameterConditionRow",
    "ParameterRow",
    "PointRow",
    "ProjectMetadata",
    "ProjectRow",
    "QueuedSuggestionRow",
    "RunAssignment",
    "RunAssignmentMetaRow",
    "RunAssignmentSourceRow",
    "RunDatasetRow",
    "RunDevMetadata",
    "RunFeatureScoreRow",
    "RunLogRow",
    "RunMetadata",
    "RunValueRow",
    "StoreVersion",
    "SuggestionMetadata",
    "SuggestionRow",
    "TagRow",
    "TaskRow",
    "TokenRow",
    "TrainingRunRow",
]
