CREATE TABLE public.assignments (
    point_id integer NOT NULL,
    parameter_id integer NOT NULL,
    number double precision,
    category text
);
CREATE TABLE public.categorical_values (
    parameter_id integer NOT NULL,
    enum_index integer NOT NULL,
    name text NOT NULL
);
CREATE TABLE public.experiment_metadata (
    experiment_id integer NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    text text,
    number double precision
);
CREATE TABLE public.experiments (
    id integer NOT NULL,
    name text NOT NULL,
    project_id integer,
    observation_budget bigint,
    parallel_bandwidth bigint,
    state text NOT NULL,
    next_number integer NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE SEQUENCE public.experiments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.experiments_id_seq OWNED BY public.experiments.id;
CREATE TABLE public.grid_values (
    parameter_id integer NOT NULL,
    "position" integer NOT NULL,
    value double precision NOT NULL
);
CREATE TABLE public.metric_values (
    observation_id integer NOT NULL,
    metric_id integer NOT NULL,
    value double precision NOT NULL,
    value_stddev double precision
);
CREATE TABLE public.metrics (
    id integer NOT NULL,
    experiment_id integer NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    objective text NOT NULL,
    strategy text NOT NULL,
    threshold double precision
);
CREATE SEQUENCE public.metrics_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.metrics_id_seq OWNED BY public.metrics.id;
CREATE TABLE public.observation_metadata (
    observation_id integer NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    text text,
    number double precision
);
CREATE TABLE public.observations (
    id integer NOT NULL,
    experiment_id integer NOT NULL,
    suggestion_id integer,
    point_id integer NOT NULL,
    failed boolean NOT NULL,
    deleted boolean NOT NULL,
    created bigint NOT NULL
);
CREATE SEQUENCE public.observations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.observations_id_seq OWNED BY public.observations.id;
CREATE TABLE public.parameters (
    id integer NOT NULL,
    experiment_id integer NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    minimum double precision,
    maximum double precision,
    transformation text,
    default_number double precision,
    default_category text
);
CREATE SEQUENCE public.parameters_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.parameters_id_seq OWNED BY public.parameters.id;
CREATE TABLE public.points (
    id integer NOT NULL,
    experiment_id integer NOT NULL
);
CREATE SEQUENCE public.points_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.points_id_seq OWNED BY public.points.id;
CREATE TABLE public.project_metadata (
    project_id integer NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    text text,
    number double precision
);
CREATE TABLE public.projects (
    id integer NOT NULL,
    reference text NOT NULL,
    name text NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE SEQUENCE public.projects_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.projects_id_seq OWNED BY public.projects.id;
CREATE TABLE public.queued_suggestions (
    id integer NOT NULL,
    experiment_id integer NOT NULL,
    point_id integer NOT NULL,
    created bigint NOT NULL
);
CREATE SEQUENCE public.queued_suggestions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.queued_suggestions_id_seq OWNED BY public.queued_suggestions.id;
CREATE TABLE public.store_version (
    version integer NOT NULL
);
CREATE TABLE public.suggestion_metadata (
    suggestion_id integer NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    text text,
    number double precision
);
CREATE TABLE public.suggestions (
    id integer NOT NULL,
    experiment_id integer NOT NULL,
    point_id integer NOT NULL,
    number integer NOT NULL,
    created bigint NOT NULL
);
CREATE SEQUENCE public.suggestions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.suggestions_id_seq OWNED BY public.suggestions.id;
ALTER TABLE ONLY public.experiments ALTER COLUMN id SET DEFAULT nextval('public.experiments_id_seq'::regclass);
ALTER TABLE ONLY public.metrics ALTER COLUMN id SET DEFAULT nextval('public.metrics_id_seq'::regclass);
ALTER TABLE ONLY public.observations ALTER COLUMN id SET DEFAULT nextval('public.observations_id_seq'::regclass);
ALTER TABLE ONLY public.parameters ALTER COLUMN id SET DEFAULT nextval('public.parameters_id_seq'::regclass);
ALTER TABLE ONLY public.points ALTER COLUMN id SET DEFAULT nextval('public.points_id_seq'::regclass);
ALTER TABLE ONLY public.projects ALTER COLUMN id SET DEFAULT nextval('public.projects_id_seq'::regclass);
ALTER TABLE ONLY public.queued_suggestions ALTER COLUMN id SET DEFAULT nextval('public.queued_suggestions_id_seq'::regclass);
ALTER TABLE ONLY public.suggestions ALTER COLUMN id SET DEFAULT nextval('public.suggestions_id_seq'::regclass);
INSERT INTO public.assignments VALUES (1, 1, 0.5, NULL);
INSERT INTO public.assignments VALUES (1, 2, NULL, 'b');
INSERT INTO public.assignments VALUES (2, 1, 0.40994958858937025, NULL);
INSERT INTO public.assignments VALUES (2, 2, NULL, 'b');
INSERT INTO public.assignments VALUES (3, 1, 0.7219116594642401, NULL);
INSERT INTO public.assignments VALUES (3, 2, NULL, 'a');
INSERT INTO public.assignments VALUES (4, 1, 0.9048664066940546, NULL);
INSERT INTO public.assignments VALUES (4, 2, NULL, 'b');
INSERT INTO public.categorical_values VALUES (2, 1, 'a');
INSERT INTO public.categorical_values VALUES (2, 2, 'b');
INSERT INTO public.experiment_metadata VALUES (1, 'a', 'text', 'b', NULL);
INSERT INTO public.experiment_metadata VALUES (1, 'n', 'int', NULL, 3);
INSERT INTO public.experiments VALUES (1, 'old', NULL, 10, 2, 'active', 4, 1795789705, 1795789709);
INSERT INTO public.metric_values VALUES (1, 1, 0, 0.1);
INSERT INTO public.metric_values VALUES (2, 1, 0.3333333333333333, 0.1);
INSERT INTO public.metric_values VALUES (3, 1, 0.6666666666666666, 0.1);
INSERT INTO public.metrics VALUES (1, 1, 0, 'm', 'maximize', 'optimize', NULL);
INSERT INTO public.observation_metadata VALUES (1, 'job', 'int', NULL, 0);
INSERT INTO public.observation_metadata VALUES (2, 'job', 'int', NULL, 1);
INSERT INTO public.observation_metadata VALUES (3, 'job', 'int', NULL, 2);
INSERT INTO public.observations VALUES (1, 1, 1, 1, false, false, 1795789705);
INSERT INTO public.observations VALUES (2, 1, 2, 2, false, false, 1795789709);
INSERT INTO public.observations VALUES (3, 1, 3, 3, false, false, 1795789709);
INSERT INTO public.parameters VALUES (1, 1, 0, 'x', 'double', 0, 1, NULL, NULL, NULL);
INSERT INTO public.parameters VALUES (2, 1, 1, 'k', 'categorical', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.points VALUES (1, 1);
INSERT INTO public.points VALUES (2, 1);
INSERT INTO public.points VALUES (3, 1);
INSERT INTO public.points VALUES (4, 1);
INSERT INTO public.store_version VALUES (2);
INSERT INTO public.suggestions VALUES (1, 1, 1, 0, 1795789705);
INSERT INTO public.suggestions VALUES (2, 1, 2, 1, 1795789709);
INSERT INTO public.suggestions VALUES (3, 1, 3, 2, 1795789709);
INSERT INTO public.suggestions VALUES (4, 1, 4, 3, 1795789709);
SELECT pg_catalog.setval('public.experiments_id_seq', 1, true);
SELECT pg_catalog.setval('public.metrics_id_seq', 1, true);
SELECT pg_catalog.setval('public.observations_id_seq', 3, true);
SELECT pg_catalog.setval('public.parameters_id_seq', 2, true);
SELECT pg_catalog.setval('public.points_id_seq', 4, true);
SELECT pg_catalog.setval('public.projects_id_seq', 1, false);
SELECT pg_catalog.setval('public.queued_suggestions_id_seq', 1, false);
SELECT pg_catalog.setval('public.suggestions_id_seq', 4, true);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_pkey PRIMARY KEY (point_id, parameter_id);
ALTER TABLE ONLY public.categorical_values
    ADD CONSTRAINT categorical_values_pkey PRIMARY KEY (parameter_id, enum_index);
ALTER TABLE ONLY public.experiment_metadata
    ADD CONSTRAINT experiment_metadata_pkey PRIMARY KEY (experiment_id, key);
ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT experiments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.grid_values
    ADD CONSTRAINT grid_values_pkey PRIMARY KEY (parameter_id, "position");
ALTER TABLE ONLY public.metric_values
    ADD CONSTRAINT metric_values_pkey PRIMARY KEY (observation_id, metric_id);
ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_experiment_id_name_key UNIQUE (experiment_id, name);
ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.observation_metadata
    ADD CONSTRAINT observation_metadata_pkey PRIMARY KEY (observation_id, key);
ALTER TABLE ONLY public.observations
    ADD CONSTRAINT observations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.observations
    ADD CONSTRAINT observations_suggestion_id_key UNIQUE (suggestion_id);
ALTER TABLE ONLY public.parameters
    ADD CONSTRAINT parameters_experiment_id_name_key UNIQUE (experiment_id, name);
ALTER TABLE ONLY public.parameters
    ADD CONSTRAINT parameters_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.points
    ADD CONSTRAINT points_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.project_metadata
    ADD CONSTRAINT project_metadata_pkey PRIMARY KEY (project_id, key);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_reference_key UNIQUE (reference);
ALTER TABLE ONLY public.queued_suggestions
    ADD CONSTRAINT queued_suggestions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.store_version
    ADD CONSTRAINT store_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.suggestion_metadata
    ADD CONSTRAINT suggestion_metadata_pkey PRIMARY KEY (suggestion_id, key);
ALTER TABLE ONLY public.suggestions
    ADD CONSTRAINT suggestions_experiment_id_number_key UNIQUE (experiment_id, number);
ALTER TABLE ONLY public.suggestions
    ADD CONSTRAINT suggestions_pkey PRIMARY KEY (id);
CREATE INDEX ix_experiment_metadata_experiment_id ON public.experiment_metadata USING btree (experiment_id);
CREATE INDEX ix_experiments_project_id ON public.experiments USING btree (project_id);
CREATE INDEX ix_observation_metadata_observation_id ON public.observation_metadata USING btree (observation_id);
CREATE INDEX ix_observations_experiment_id ON public.observations USING btree (experiment_id);
CREATE INDEX ix_points_experiment_id ON public.points USING btree (experiment_id);
CREATE INDEX ix_project_metadata_project_id ON public.project_metadata USING btree (project_id);
CREATE INDEX ix_queued_suggestions_experiment_id ON public.queued_suggestions USING btree (experiment_id);
CREATE INDEX ix_suggestion_metadata_suggestion_id ON public.suggestion_metadata USING btree (suggestion_id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_parameter_id_fkey FOREIGN KEY (parameter_id) REFERENCES public.parameters(id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_point_id_fkey FOREIGN KEY (point_id) REFERENCES public.points(id);
ALTER TABLE ONLY public.categorical_values
    ADD CONSTRAINT categorical_values_parameter_id_fkey FOREIGN KEY (parameter_id) REFERENCES public.parameters(id);
ALTER TABLE ONLY public.experiment_metadata
    ADD CONSTRAINT experiment_metadata_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT experiments_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);
ALTER TABLE ONLY public.grid_values
    ADD CONSTRAINT grid_values_parameter_id_fkey FOREIGN KEY (parameter_id) REFERENCES public.parameters(id);
ALTER TABLE ONLY public.metric_values
    ADD CONSTRAINT metric_values_metric_id_fkey FOREIGN KEY (metric_id) REFERENCES public.metrics(id);
ALTER TABLE ONLY public.metric_values
    ADD CONSTRAINT metric_values_observation_id_fkey FOREIGN KEY (observation_id) REFERENCES public.observations(id);
ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.observation_metadata
    ADD CONSTRAINT observation_metadata_observation_id_fkey FOREIGN KEY (observation_id) REFERENCES public.observations(id);
ALTER TABLE ONLY public.observations
    ADD CONSTRAINT observations_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.observations
    ADD CONSTRAINT observations_point_id_fkey FOREIGN KEY (point_id) REFERENCES public.points(id);
ALTER TABLE ONLY public.observations
    ADD CONSTRAINT observations_suggestion_id_fkey FOREIGN KEY (suggestion_id) REFERENCES public.suggestions(id);
ALTER TABLE ONLY public.parameters
    ADD CONSTRAINT parameters_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.points
    ADD CONSTRAINT points_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.project_metadata
    ADD CONSTRAINT project_metadata_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);
ALTER TABLE ONLY public.queued_suggestions
    ADD CONSTRAINT queued_suggestions_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.queued_suggestions
    ADD CONSTRAINT queued_suggestions_point_id_fkey FOREIGN KEY (point_id) REFERENCES public.points(id);
ALTER TABLE ONLY public.suggestion_metadata
    ADD CONSTRAINT suggestion_metadata_suggestion_id_fkey FOREIGN KEY (suggestion_id) REFERENCES public.suggestions(id);
ALTER TABLE ONLY public.suggestions
    ADD CONSTRAINT suggestions_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(id);
ALTER TABLE ONLY public.suggestions
    ADD CONSTRAINT suggestions_point_id_fkey FOREIGN KEY (point_id) REFERENCES public.points(id);
