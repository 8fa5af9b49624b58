BEGIN TRANSACTION;
CREATE TABLE assignments (
	point_id INTEGER NOT NULL, 
	parameter_id INTEGER NOT NULL, 
	number DOUBLE, 
	category TEXT, 
	PRIMARY KEY (point_id, parameter_id), 
	FOREIGN KEY(point_id) REFERENCES points (id), 
	FOREIGN KEY(parameter_id) REFERENCES parameters (id)
);
INSERT INTO "assignments" VALUES(1,1,1.00000000000000036776e-02,NULL);
INSERT INTO "assignments" VALUES(1,2,5.0,NULL);
INSERT INTO "assignments" VALUES(1,3,1.0,NULL);
INSERT INTO "assignments" VALUES(1,4,NULL,'b');
INSERT INTO "assignments" VALUES(2,1,4.36313202255625854492e-03,NULL);
INSERT INTO "assignments" VALUES(2,2,9.0,NULL);
INSERT INTO "assignments" VALUES(2,3,2.0,NULL);
INSERT INTO "assignments" VALUES(2,4,NULL,'b');
INSERT INTO "assignments" VALUES(3,1,4.22135798378161508637e-02,NULL);
INSERT INTO "assignments" VALUES(3,2,3.0,NULL);
INSERT INTO "assignments" VALUES(3,3,1.0,NULL);
INSERT INTO "assignments" VALUES(3,4,NULL,'a');
INSERT INTO "assignments" VALUES(4,1,0.01,NULL);
INSERT INTO "assignments" VALUES(4,2,3.0,NULL);
INSERT INTO "assignments" VALUES(4,3,1.0,NULL);
INSERT INTO "assignments" VALUES(4,4,NULL,'b');
INSERT INTO "assignments" VALUES(5,1,0.2,NULL);
INSERT INTO "assignments" VALUES(5,2,4.0,NULL);
INSERT INTO "assignments" VALUES(5,3,2.0,NULL);
INSERT INTO "assignments" VALUES(5,4,NULL,'a');
CREATE TABLE categorical_values (
	parameter_id INTEGER NOT NULL, 
	enum_index INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (parameter_id, enum_index), 
	FOREIGN KEY(parameter_id) REFERENCES parameters (id)
);
INSERT INTO "categorical_values" VALUES(4,1,'a');
INSERT INTO "categorical_values" VALUES(4,2,'b');
CREATE TABLE experiment_metadata (
	experiment_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT, 
	number DOUBLE, 
	PRIMARY KEY (experiment_id, "key"), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
INSERT INTO "experiment_metadata" VALUES(1,'commit','text','abc',NULL);
INSERT INTO "experiment_metadata" VALUES(1,'tries','int',NULL,3.0);
INSERT INTO "experiment_metadata" VALUES(1,'final','bool',NULL,1.0);
INSERT INTO "experiment_metadata" VALUES(1,'note','null',NULL,NULL);
CREATE TABLE experiments (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	project_id INTEGER, 
	observation_budget BIGINT, 
	parallel_bandwidth BIGINT, 
	state TEXT NOT NULL, 
	next_number INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "experiments" VALUES(1,'search',1,10,2,'active',3,1795774789,1795774793);
INSERT INTO "experiments" VALUES(2,'plain',NULL,NULL,NULL,'deleted',0,1795774793,1795774793);
CREATE TABLE grid_values (
	parameter_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	value DOUBLE NOT NULL, 
	PRIMARY KEY (parameter_id, position), 
	FOREIGN KEY(parameter_id) REFERENCES parameters (id)
);
INSERT INTO "grid_values" VALUES(3,0,0.5);
INSERT INTO "grid_values" VALUES(3,1,1.0);
INSERT INTO "grid_values" VALUES(3,2,2.0);
CREATE TABLE metric_values (
	observation_id INTEGER NOT NULL, 
	metric_id INTEGER NOT NULL, 
	value DOUBLE NOT NULL, 
	value_stddev DOUBLE, 
	PRIMARY KEY (observation_id, metric_id), 
	FOREIGN KEY(observation_id) REFERENCES observations (id), 
	FOREIGN KEY(metric_id) REFERENCES metrics (id)
);
INSERT INTO "metric_values" VALUES(1,1,0.5,0.1);
INSERT INTO "metric_values" VALUES(1,2,30.0,NULL);
INSERT INTO "metric_values" VALUES(3,1,0.9,NULL);
INSERT INTO "metric_values" VALUES(3,2,90.0,NULL);
CREATE TABLE metrics (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	objective TEXT NOT NULL, 
	strategy TEXT NOT NULL, 
	threshold DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (experiment_id, name), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
INSERT INTO "metrics" VALUES(1,1,0,'accuracy','maximize','optimize',NULL);
INSERT INTO "metrics" VALUES(2,1,1,'seconds','minimize','constraint',60.0);
INSERT INTO "metrics" VALUES(3,2,0,'m','maximize','optimize',NULL);
CREATE TABLE observation_metadata (
	observation_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT, 
	number DOUBLE, 
	PRIMARY KEY (observation_id, "key"), 
	FOREIGN KEY(observation_id) REFERENCES observations (id)
);
INSERT INTO "observation_metadata" VALUES(1,'job','int',NULL,1.0);
CREATE TABLE observations (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	suggestion_id INTEGER, 
	point_id INTEGER NOT NULL, 
	failed BOOLEAN NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id), 
	UNIQUE (suggestion_id), 
	FOREIGN KEY(suggestion_id) REFERENCES suggestions (id), 
	FOREIGN KEY(point_id) REFERENCES points (id)
);
INSERT INTO "observations" VALUES(1,1,1,1,0,0,1795774793);
INSERT INTO "observations" VALUES(2,1,2,2,1,0,1795774793);
INSERT INTO "observations" VALUES(3,1,NULL,4,0,1,1795774793);
CREATE TABLE parameters (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	minimum DOUBLE, 
	maximum DOUBLE, 
	transformation TEXT, 
	default_number DOUBLE, 
	default_category TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (experiment_id, name), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
INSERT INTO "parameters" VALUES(1,1,0,'lr','double',0.0001,1.0,'log',0.1,NULL);
INSERT INTO "parameters" VALUES(2,1,1,'width','int',1.0,9.0,NULL,NULL,NULL);
INSERT INTO "parameters" VALUES(3,1,2,'steps','double',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "parameters" VALUES(4,1,3,'kind','categorical',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "parameters" VALUES(5,2,0,'x','double',0.0,1.0,NULL,NULL,NULL);
CREATE TABLE points (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
INSERT INTO "points" VALUES(1,1);
INSERT INTO "points" VALUES(2,1);
INSERT INTO "points" VALUES(3,1);
INSERT INTO "points" VALUES(4,1);
INSERT INTO "points" VALUES(5,1);
CREATE TABLE project_metadata (
	project_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT, 
	number DOUBLE, 
	PRIMARY KEY (project_id, "key"), 
	FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "project_metadata" VALUES(1,'owner','text','a',NULL);
CREATE TABLE projects (
	id INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (reference)
);
INSERT INTO "projects" VALUES(1,'digits','Digits',1795774789,1795774789);
CREATE TABLE queued_suggestions (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	point_id INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id), 
	FOREIGN KEY(point_id) REFERENCES points (id)
);
INSERT INTO "queued_suggestions" VALUES(1,1,5,1795774793);
CREATE TABLE store_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "store_version" VALUES(2);
CREATE TABLE suggestion_metadata (
	suggestion_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT, 
	number DOUBLE, 
	PRIMARY KEY (suggestion_id, "key"), 
	FOREIGN KEY(suggestion_id) REFERENCES suggestions (id)
);
INSERT INTO "suggestion_metadata" VALUES(1,'sweep','text','x',NULL);
CREATE TABLE suggestions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	experiment_id INTEGER NOT NULL, 
	point_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	UNIQUE (experiment_id, number), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (id), 
	FOREIGN KEY(point_id) REFERENCES points (id)
);
INSERT INTO "suggestions" VALUES(1,1,1,0,1795774789);
INSERT INTO "suggestions" VALUES(2,1,2,1,1795774793);
INSERT INTO "suggestions" VALUES(3,1,3,2,1795774793);
CREATE INDEX ix_project_metadata_project_id ON project_metadata (project_id);
CREATE INDEX ix_experiments_project_id ON experiments (project_id);
CREATE INDEX ix_experiment_metadata_experiment_id ON experiment_metadata (experiment_id);
CREATE INDEX ix_points_experiment_id ON points (experiment_id);
CREATE INDEX ix_queued_suggestions_experiment_id ON queued_suggestions (experiment_id);
CREATE INDEX ix_suggestion_metadata_suggestion_id ON suggestion_metadata (suggestion_id);
CREATE INDEX ix_observations_experiment_id ON observations (experiment_id);
CREATE INDEX ix_observation_metadata_observation_id ON observation_metadata (observation_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('suggestions',3);
COMMIT;
